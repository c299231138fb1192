#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""droverd by SMPP and drover-device by a modem, through drover-smsc: triggers, and devices that are managed by SMS alone."""
import re
import signal
import socket
import unittest

import harness
import relay
import smsc_harness as sms

ENDPOINT = "urn:dev:os:sms-1"
KEY = "101112131415161718191a1b1c1d1e1f303132333435363738393a3b3c3d3e3f"  # AES, KIc and KID
PARAMETERS = "12121600b20203"  # AES with both keys of set 1, no proof of receipt; the TAR of LwM2M
AWAKE = 2  # seconds behind a message of the device
TRIGGER_PATH = "/1/0/8"


class Sms(sms.SmsInterop):
    def start_server_with(self, carrier, queue="", rest=""):
        config = self.work / "droverd.toml"
        config.write_text(
            f'[sms]\nmsisdn = "{sms.SERVICE}"\n{carrier}\n'
            f'[queue]\nawake = [{{ endpoints = "*", seconds = {AWAKE} }}]\ntrigger_interval = 1\n{queue}\n{rest}')
        self.port = self.start_server("127.0.0.1", "--secure-listen", f"127.0.0.1:{harness.free_port()}", "--store",
                                      self.work / "store.db", "--config", config)
        self.expect("droverd", "ready=yes")

    def set_up(self, *smsc, modems=(sms.DEVICE,), carrier="", **settings):
        self.smpp_port = self.start_smsc(*smsc, modems=modems)
        self.start_server_with(f'smpp = "127.0.0.1:{self.smpp_port}"\nsystem_id = "{sms.SYSTEM_ID}"\n'
                               f'password_file = "{self.secret("smpp.password", sms.PASSWORD)}"\n{carrier}', **settings)

    def secret(self, name, text):
        file = self.work / name
        file.touch(0o600)
        file.write_text(text)
        return file

    def key_file(self):
        return self.secret("sms.key", KEY)

    def add_number(self, *arguments, endpoint=ENDPOINT, number=sms.DEVICE):
        status, added = self.drover("sms", "add", number, endpoint, *arguments)
        self.assertEqual(status, 0, added)
        return added

    def run_device(self, binding, security, uri=None, mode1="packets", more="", modem="", number=sms.SERVICE, log="device",
                   state="state.db", ready="registered server=1"):
        """drover-device behind the modem, registered."""
        config = self.work / "device.toml"
        config.write_text(
            f'endpoint = "{ENDPOINT}"\nbinding = "{binding}"\nbind = "127.0.0.1:0"\n{more}\n'
            f'[[server]]\nuri = "{uri or f"coap://127.0.0.1:{self.port}"}"\nlifetime = 600\n'
            f'sms = {{ number = "{number}", {security} }}\n'
            f'[sms]\nnumber = "{sms.DEVICE}"\nmodem = "{self.modem(sms.DEVICE)}"\nmode1 = "{mode1}"\n{modem}\n'
            f'[queue]\nawake = "{AWAKE}s"\n[state]\nfile = "{state}"\n[values]\n"/3/0/0" = "Drover"\n"/3303/0/5700" = 20.5\n')
        device = self.start(log, harness.BINARIES / "drover-device", "--config", config)
        self.device_log = log
        if ready:
            self.expect(log, ready)
        return device

    def packets(self):
        return f'mode = "device", parameters = "{PARAMETERS}", key_file = "{self.key_file()}"'

    def run_by_sms(self, binding="S", **more):
        """A device with secured packets alone, that the server knows."""
        self.add_number("--keys-file", self.key_file())
        return self.run_device(binding, self.packets(), uri=f"tel:+{sms.SERVICE}", **more)

    def read(self, path="/3/0/0", *more):
        status, answer = self.drover("read", ENDPOINT, path, *more)
        self.assertEqual(status, 0, f"{answer}\n{self.all_logs()}")
        return answer["value"]

    def fall_asleep(self):
        self.expect(self.device_log, "asleep server=1")
        harness.wait_until(lambda: not self.drover("show", ENDPOINT)[1]["awake"], "the server knows that it sleeps")

    def queue(self, *command):
        """An operation that waits; its id."""
        status, queued = self.drover(*command)
        self.assertEqual(status, 8, f"{queued}\n{self.all_logs()}")
        self.assertEqual(queued["state"], "queued", queued)
        return queued

    def wait_done(self, queued):
        def over():
            status, operation = self.drover("operation", ENDPOINT, queued["id"])
            return operation if status != 8 else None
        try:
            operation = harness.wait_until(over, f"operation {queued['id']} is over")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.all_logs()}") from None
        self.assertEqual((operation or {}).get("state"), "done", operation)
        return operation["answer"]

    def count(self, text, log=None):
        return self.log(log or self.device_log).count(text)


class Triggers(Sms):
    def wakes(self):
        self.fall_asleep()
        before = len(self.events("deliver", to=sms.DEVICE))
        queued = self.queue("read", ENDPOINT, "/3/0/0")
        self.assertTrue(queued["triggered"], queued)
        self.assertEqual(self.wait_done(queued)["value"], "Drover")
        self.assertEqual(len(self.events("deliver", to=sms.DEVICE)), before + 1, "one trigger")
        self.assertEqual(self.count("executed server=1 path=/1/0/8"), 1, self.log(self.device_log))

    def trigger_and_answer(self):
        """The operation may be done before the answer has come."""
        return self.wait_event("deliver", to=sms.DEVICE) + self.wait_event("deliver", to=sms.SERVICE)

    def test_uqs_with_secured_packets(self):
        self.set_up()
        self.add_number("--keys-file", self.key_file())
        self.run_device("UQS", self.packets())
        self.wakes()
        trigger, answer = self.trigger_and_answer()
        for each in (trigger, answer):
            # To and from a device itself: 8-bit data behind a header that says secured packet (3GPP TS 31.115).
            self.assertEqual((each["pid"], each["dcs"], each["header"], each["data"][:6]), (0, 4, True, "027000"))
        self.assertEqual(answer["to"], sms.SERVICE)
        self.assertNotIn(KEY, self.log("droverd") + self.log("device"))

    def test_uqs_without_security(self):
        self.set_up()
        self.add_number("--protection", "none")
        self.run_device("UQS", 'mode = "nosec"')
        self.wakes()
        trigger, answer = self.trigger_and_answer()
        # POST /1/0/8 and 2.04, the token the same (RFC 7252; LwM2M Transport, "SMS Registration Update Trigger").
        self.assertRegex(trigger["data"], "^4.02.{4}(.*)b13101300138$")
        self.assertRegex(answer["data"], "^6.44" + trigger["data"][4:8])
        sent = len(self.events("submit"))
        status, answer = self.drover("read", ENDPOINT, "/3/0/0", "--via", "sms")
        self.assertEqual(status, 4, answer)
        self.assertEqual(len(self.events("submit")), sent, "without security a device is triggered and no more")

    def test_uqt_is_not_answered(self):
        self.set_up()
        self.add_number("--keys-file", self.key_file())
        self.run_device("UQT", self.packets(), more='version = "1.1"')
        self.wakes()
        self.assertFalse(self.events("submit", **{"from": sms.DEVICE}))

    def test_a_stranger_gets_silence(self):
        self.set_up("--esme", "other:secret:99999", modems=(sms.DEVICE, sms.OTHER))
        self.add_number("--protection", "none")
        self.run_device("UQS", 'mode = "nosec"')
        self.fall_asleep()
        host = self.start_host(sms.OTHER)
        self.say(host, f"send {sms.DEVICE} 0 4 {sms.TRIGGER}")
        self.wait_event("deliver", **{"from": sms.OTHER, "to": sms.DEVICE})
        self.say(host, f"send {sms.SERVICE} 0 4 {sms.TRIGGER}")
        self.wait_event("deliver", **{"from": sms.OTHER, "to": sms.SERVICE})
        # What came behind those was answered.
        self.wait_done(self.queue("read", ENDPOINT, "/3/0/0"))
        self.assertFalse(self.events("submit", to=sms.OTHER))
        self.assertEqual(self.count("path=/1/0/8"), 2, "executed and served, once each")

    def test_recorded_packets_have_no_effect_behind_a_kill_of_both(self):
        self.set_up()
        self.add_number("--keys-file", self.key_file())
        device = self.run_device("UQS", self.packets())
        self.wakes()
        trigger, answer = (event["data"] for event in self.trigger_and_answer())
        for process in (self.server, device):
            process.kill()
            process.wait()
        device = self.run_device("UQS", self.packets(), log="device-2", ready="registered with the network")
        esme = self.start_esme(self.smpp_port)
        self.say(esme, f"send {sms.DEVICE} 0 4 {trigger} udh")
        self.expect("device-2", "which isn't above")
        self.assertNotIn("executed", self.log("device-2"))
        for process in (esme, device):
            self.stop(process)
        self.server = self.start("droverd-2", *self.server_command)
        self.expect("droverd-2", "ready=yes")
        host = self.start_host(sms.DEVICE)
        self.say(host, f"send {sms.SERVICE} 0 4 {answer} udh")
        self.expect("droverd-2", "which isn't above")

    def test_a_modem_that_is_reset_and_away(self):
        self.set_up()
        self.add_number("--keys-file", self.key_file())
        self.run_device("UQS", self.packets())
        self.fall_asleep()
        self.say(self.smsc, f"off {sms.DEVICE}")
        queued = self.queue("read", ENDPOINT, "/3/0/0")
        self.wait_event("submit", to=sms.DEVICE)
        self.say(self.smsc, f"reset {sms.DEVICE}")
        self.say(self.smsc, f"on {sms.DEVICE}")
        self.assertEqual(self.wait_done(queued)["value"], "Drover")


class ByUdpAndSms(Sms):
    def test_us_chooses_and_falls_back(self):
        self.set_up(rest="[coap]\nack_timeout_ms = 100\nmax_retransmit = 1\n")
        self.add_number("--keys-file", self.key_file())
        link = relay.Relay(self.port)
        self.addCleanup(lambda: link.thread.is_alive() and link.stop())
        self.run_device("US", self.packets(), uri=f"coap://127.0.0.1:{link.port}")
        self.assertEqual(self.read(), "Drover")
        self.assertFalse(self.events("submit"), "over UDP")
        self.assertEqual(self.read("/3/0/0", "--via", "sms"), "Drover")
        self.assertEqual(len(self.events("submit")), 2)
        link.stop()
        self.assertEqual(self.read(), "Drover")
        self.assertEqual(len(self.events("submit")), 4, "UDP was tried first")
        self.assertEqual(self.drover("status")[1]["sms_fallbacks"], 1)


class BySmsAlone(Sms):
    def test_registers_in_segments_and_is_managed(self):
        self.set_up()
        device = self.run_by_sms()
        segments = [event["segment"] for event in self.events("deliver", to=sms.SERVICE) if "segment" in event]
        self.assertGreaterEqual(len(segments), 2, self.all_logs())
        self.assertEqual(self.drover("show", ENDPOINT)[1]["binding"], "S")
        self.assertEqual(self.read(), "Drover")
        status, _ = self.drover("write", ENDPOINT, "/3/0/14", "+01:00")
        self.assertEqual(status, 0)
        events = self.start("events", harness.BINARIES / "drover", "--api", f"http://127.0.0.1:{self.api}", "--json",
                            "observe", ENDPOINT, "/3303/0/5700")
        self.expect("device", "operation=Observe")
        self.say(device, "set /3303/0/5700 21.5")
        self.expect("events", "21.5")

    def test_sq_sleeps_and_nothing_goes_out_meanwhile(self):
        self.set_up(queue=f"awake_sms = {AWAKE}")
        device = self.run_by_sms(binding="SQ")
        self.fall_asleep()
        before = len(self.events("submit"))
        queued = self.queue("read", ENDPOINT, "/3/0/0")
        self.assertFalse(queued["triggered"], queued)
        self.say(device, "wake")
        self.assertEqual(self.wait_done(queued)["value"], "Drover")
        self.assertEqual([event["from"] for event in self.events("submit")[before:before + 2]], [sms.DEVICE, sms.SERVICE])

    def test_repeated_short_messages_have_one_effect(self):
        self.set_up("--duplicate", "1000")
        device = self.run_by_sms()
        for _ in range(3):
            self.assertEqual(self.drover("exec", ENDPOINT, TRIGGER_PATH)[0], 0)
        self.assertEqual(self.read(), "Drover")
        self.assertEqual(self.count("executed server=1 path=/1/0/8"), 3)
        self.assertTrue(self.events("duplicated", to=sms.DEVICE))
        self.say(device, "status")
        harness.wait_until(lambda: re.search(r"refused [1-9]", self.log("device")), "the device refused repeated packets")
        self.assertIn("which isn't above", self.log("droverd"), "and so did the server")

    def test_counters_outlive_both_sides(self):
        self.set_up()
        device = self.run_by_sms()
        self.assertEqual(self.read(), "Drover")
        device.kill()
        device.wait()
        device = self.run_device("S", self.packets(), uri=f"tel:+{sms.SERVICE}", log="device-2",
                                 ready="updated server=1")
        self.assertEqual(self.read(), "Drover")
        self.stop(self.server)
        self.server = self.start("droverd-2", *self.server_command)
        harness.wait_until(lambda: self.drover("status")[0] == 0, "droverd answers")
        self.expect("droverd-2", "ready=yes")
        self.assertEqual(self.read(), "Drover")
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()
        self.server = self.start("droverd-3", *self.server_command)
        harness.wait_until(lambda: self.drover("status")[0] == 0, "droverd answers")
        self.expect("droverd-3", "ready=yes")
        self.say(device, "update")
        harness.wait_until(lambda: self.drover("show", ENDPOINT)[0] == 0, "it is registered anew")
        self.assertEqual(self.read(), "Drover")

    def test_a_device_without_its_counters_is_not_heard(self):
        self.set_up()
        device = self.run_by_sms()
        device.kill()
        device.wait()
        registered_at = self.drover("show", ENDPOINT)[1]["registered_at"]
        before = len(self.events("deliver", to=sms.SERVICE))
        self.run_device("S", self.packets(), uri=f"tel:+{sms.SERVICE}", log="device-2", state="other.db", ready=None)
        harness.wait_until(lambda: len(self.events("deliver", to=sms.SERVICE)) >= before + 2, "it has tried")
        self.expect("droverd", "which isn't above")
        self.assertEqual(self.drover("show", ENDPOINT)[1]["registered_at"], registered_at)

    def test_a_modem_reset_under_way(self):
        self.set_up("--delay", "200")
        self.run_by_sms()
        reading = self.start("read", harness.BINARIES / "drover", "--api", f"http://127.0.0.1:{self.api}", "--json",
                             "read", ENDPOINT, "/3/0/0")
        before = len(self.events("deliver", to=sms.DEVICE))
        self.wait_event("submit", **{"from": sms.SERVICE})
        self.say(self.smsc, f"reset {sms.DEVICE}")
        self.assertEqual(reading.wait(harness.WAIT_SECONDS), 0, self.all_logs())
        self.assertIn("Drover", self.log("read"))
        self.assertGreater(len(self.events("deliver", to=sms.DEVICE)), before)

    def test_dtls(self):
        self.set_up()
        psk = self.secret("psk", "00112233445566778899aabbccddeeff")
        self.add_credential("psk", "sms-1", "--key-file", psk, "--endpoint", ENDPOINT)
        self.add_number("--protection", "dtls")
        self.run_device("S", f'mode = "device", identity = "sms-1", key_file = "{psk}"', uri=f"tel:+{sms.SERVICE}",
                        mode1="dtls")
        self.assertEqual(self.read(), "Drover")
        self.assertEqual(self.drover("show", ENDPOINT)[1]["identity"], 'psk "sms-1"')

    def test_an_smsc_that_is_gone_for_a_while(self):
        port = harness.free_port(socket.SOCK_STREAM)
        self.set_up("--smpp", f"127.0.0.1:{port}")
        self.run_by_sms()
        self.stop(self.smsc)
        self.expect("droverd", "ready=no")
        self.start_smsc("--smpp", f"127.0.0.1:{port}", log="smsc-2")
        harness.wait_until(lambda: self.log("droverd").count("ready=yes") == 2, "the server is bound again")
        registered = 'modem="registered with the network"'
        harness.wait_until(lambda: self.count(registered) == 2, f"so is the device's modem\n{self.log('device')}")
        self.assertEqual(self.read(), "Drover")

    def test_a_server_with_a_modem_and_ports_and_reports(self):
        self.start_smsc(modems=(sms.DEVICE, sms.OTHER))
        self.start_server_with(f'modem = "{self.modem(sms.OTHER)}"\nport = 5683\nreceipts = true')
        self.add_number("--keys-file", self.key_file())
        self.run_device("S", self.packets(), uri=f"tel:+{sms.OTHER}", number=sms.OTHER, modem="port = 5683")
        self.assertEqual(self.read(), "Drover")


if __name__ == "__main__":
    unittest.main()
