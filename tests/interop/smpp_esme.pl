#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Net::SMPP as ESME: smpp_esme.pl PORT SYSTEM_ID PASSWORD SOURCE. Binds, submits each line of standard input, "NUMBER ESM_CLASS PROTOCOL_ID DATA_CODING HEX",
# and prints what it gets.
use strict;
use warnings;
use IO::Select;
use Net::SMPP;
$| = 1;
my ($port, $id, $password, $source) = @ARGV;
my $smpp = Net::SMPP->new_transceiver('127.0.0.1', port => $port, system_id => $id, password => $password,
                                      smpp_version => 0x34, interface_version => 0x34, async => 1)
  or die "no connection: $!";
my $select = IO::Select->new($smpp, \*STDIN);
while (1) {
  for my $ready ($select->can_read) {
    if ($ready == \*STDIN) {
      my $line = '';
      while (1) { sysread(STDIN, my $octet, 1) or exit 0; last if $octet eq "\n"; $line .= $octet; }
      my ($number, $esm, $pid, $dcs, $hex) = split ' ', $line;
      $smpp->submit_sm(async => 1, source_addr_ton => 1, source_addr_npi => 1, source_addr => $source, dest_addr_ton => 1,
                       dest_addr_npi => 1, destination_addr => $number, esm_class => $esm, protocol_id => $pid,
                       data_coding => $dcs, registered_delivery => 1, short_message => pack('H*', $hex));
      next;
    }
    my $pdu = $smpp->read_pdu or exit 0;
    my $command = $pdu->{cmd};
    if ($command == 5) {
      printf "deliver_sm %s esm %d pid %d dcs %d %s\n", $pdu->{source_addr}, $pdu->{esm_class}, $pdu->{protocol_id},
        $pdu->{data_coding}, unpack('H*', $pdu->{short_message});
      $smpp->deliver_sm_resp(seq => $pdu->{seq}, message_id => '');
    } elsif ($command == 0x15) {
      $smpp->enquire_link_resp(seq => $pdu->{seq});
    } else {
      printf "command %08x status %x %s\n", $command, $pdu->{status}, $pdu->{message_id} // '';
    }
  }
}
