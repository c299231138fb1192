#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Net::SMPP as SMSC: smpp_smsc.pl PORT. Takes one ESME, answers, throttles the first submit_sm, returns each other one to its sender as from its
# receiver, and sends a receipt. Prints what it gets, without the password.
use strict;
use warnings;
use Net::SMPP;
$| = 1;
my $listener = Net::SMPP->new_listen('127.0.0.1', port => $ARGV[0], smpp_version => 0x34, interface_version => 0x34)
  or die "no port: $!";
print "ready\n";
my $smpp = $listener->accept or die;
my $submitted = 0;
while (my $pdu = $smpp->read_pdu) {
  my $command = $pdu->{cmd};
  if ($command == 9) {
    printf "bind_transceiver %s version %x password %s\n", $pdu->{system_id}, $pdu->{interface_version},
      $pdu->{password} eq 'secret' ? 'right' : 'wrong';
    $smpp->bind_transceiver_resp(seq => $pdu->{seq}, status => 0, system_id => 'perl');
  } elsif ($command == 4) {
    if ($submitted++ == 0) {
      print "throttled\n";
      $smpp->submit_sm_resp(seq => $pdu->{seq}, status => 0x58, message_id => '');
      next;
    }
    printf "submit_sm %s -> %s esm %d pid %d dcs %d validity %s receipt %d %s\n", $pdu->{source_addr},
      $pdu->{destination_addr}, $pdu->{esm_class}, $pdu->{protocol_id}, $pdu->{data_coding}, $pdu->{validity_period},
      $pdu->{registered_delivery}, unpack('H*', $pdu->{short_message});
    $smpp->submit_sm_resp(seq => $pdu->{seq}, status => 0, message_id => "p$submitted");
    my %back = (async => 1, source_addr_ton => 1, source_addr_npi => 1, source_addr => $pdu->{destination_addr},
                dest_addr_ton => 1, dest_addr_npi => 1, destination_addr => $pdu->{source_addr});
    $smpp->deliver_sm(%back, esm_class => $pdu->{esm_class} & 0x40, protocol_id => $pdu->{protocol_id},
                      data_coding => $pdu->{data_coding}, short_message => $pdu->{short_message});
    $smpp->deliver_sm(%back, esm_class => 4, short_message => "id:p$submitted sub:001 dlvrd:001 submit date:2611272300 "
                      . "done date:2611272301 stat:DELIVRD err:000 text:");
  } elsif ($command == 0x15) {
    $smpp->enquire_link_resp(seq => $pdu->{seq});
  } elsif ($command == 6) {
    print "unbind\n";
    $smpp->unbind_resp(seq => $pdu->{seq});
    last;
  } else {
    printf "command %08x status %x\n", $command, $pdu->{status};
  }
}
print "end\n";
