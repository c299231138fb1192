// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

namespace drover::droverd {

const char* const kConfigHelp = R"(SIGHUP reads configuration and definitions again; what needs a restart is logged. A mistake changes nothing.

Configuration file (TOML), each key with its default:
  listen = "[::]:5683"         UDP address for devices; [::] takes IPv6 and IPv4
  shards = 0                   threads for devices; 0 is one a core
  strict = false               only LwM2M 1.0 to the letter
  enabler = "1.0"              version of the shipped definitions of objects 0 to 7: "1.0" or "1.1"
  objects = []                 folders with more object definitions (*.xml)
  [secure]                     DTLS; on when there is a store, or a certificate or raw key of [credentials]
  listen = "[::]:5684"         UDP address for devices; "" for none
  cbc = true                   the cipher suites with CBC; their associations take more memory and end with the process
  park_after = 10              seconds without a word until an association is put away
  handshakes_max = 8192        handshakes under way in a shard
  [registration]
  lifetime_min = 1             seconds
  lifetime_max = 4294967295    seconds
  refuse = []                  endpoint names that get 4.03; * and ? stand for any text and any character
  restore_observations = true  observe again what a device's registration before had
  devices_max = 1000000        of all shards; each has an equal share, and devices spread a little unevenly: leave room
  observations_max_per_device = 256
  [coap]
  ack_timeout_ms = 2000        and the other transmission parameters of RFC 7252 4.8
  ack_random_permille = 1500   ACK_RANDOM_FACTOR in thousandths
  max_retransmit = 4
  nstart = 1
  block_size = 1024            bytes of a block: 16, 32, 64, 128, 256, 512 or 1024
  deduplication_max = 1048576  messages of a shard that are remembered; the oldest goes first
  [api]
  listen = ["127.0.0.1:8080"]  https when there is a certificate, unless it begins with http://; addresses other than
                               loopback need a certificate and a token
  certificate = ""             PEM files for https: the certificate with its chain, its private key without a password;
  private_key = ""             read again upon SIGHUP
  require_token = false        false: open on loopback until the first token is made
  metrics_open = false         /metrics needs no token of programs on this machine (Prometheus without a token)
  events = 16384               events kept in memory for streams that resume
  rate = 10000                 requests of one token a second, and burst = 20000 at once; 429 beyond; 0: any number
  [limits]
  datagrams_per_second = 1000  of one network address; what is beyond is dropped unread; 0: any number
  datagrams_burst = 2000       and at once
  [store]
  file = ""                    what outlives a restart and a kill: the API's tokens, devices' credentials, and beside it
                               in FILE.fleet registrations, observations, associations, operations and events
  events_max = 1000000         events on disk, for streams and sinks that resume; the oldest go first
  key_file = ""                what its secrets are sealed with: 64 hexadecimal digits, 0600; else the environment's
                               DROVERD_STORE_KEY, else FILE.key, which is made at the first start
  [audit]                      who changed what: drover audit; in FILE.fleet, without a store in memory (10000 at most)
  max = 100000                 changes that are kept, and a quarter as many refused attempts; the oldest go first
  [credentials]                the server's own; PEM or DER; the files are read again upon SIGHUP
  certificate = ""             its certificate with the chain, and that one's private key
  private_key = ""
  raw_public_key = ""          its raw public key, which may be left out, and that one's private key
  raw_private_key = ""
  trust_anchors = []           certificates of those who sign devices' certificates
  device_certificates = "any"  any: whatever they sign, for its names; listed: only those among the credentials
  [bootstrap]                  the bootstrap server; it runs where it has a port
  secure_listen = ""           UDP address for devices with DTLS, such as "[::]:5784"
  listen = ""                  UDP address without security: for tests, everybody can read the keys
  plans = []                   files (TOML or JSON), beside the plans in the store; docs/bootstrap.md; read again
                               upon SIGHUP, as are the keys and certificates of here
  certificate = ""             its own, as [credentials]: other ones than the server's
  private_key = ""
  raw_public_key = ""
  raw_private_key = ""
  trust_anchors = []
  device_certificates = "listed"   listed: those among the bootstrap credentials; any: whatever trust_anchors sign
  authority_certificate = ""   who signs the certificates that plans leave to the server, and that one's private key
  authority_private_key = ""
  certificate_days = 3650
  sessions_max = 10000         under way
  kept_sessions_max = 1000     ended ones that can be looked at
  [queue]                      devices that sleep (binding UQ and the like)
  awake = []                   such as [{ endpoints = "meter-*", seconds = 20 }]: how long behind a message of theirs
                               they listen; else MAX_TRANSMIT_WAIT of RFC 7252 4.8, 93 seconds
  awake_sms = 300              seconds, the same over SMS (binding SQ)
  operation_lifetime = 604800  seconds until what waits is given up
  max_per_device = 1000        operations that wait for one device
  trigger = true               ask sleeping devices by SMS to wake (binding UQS)
  trigger_interval = 600       seconds between two of those
  sms_fallback = true          with binding US, what isn't answered over UDP goes by SMS
  [sms]                        on where there is a carrier: smpp or modem
  msisdn = ""                  the server's own number: digits, country code first
  smpp = ""                    HOST:PORT of an SMSC (SMPP 3.4)
  system_id = ""
  password_file = ""           its first line
  system_type = ""
  window = 10                  messages that the SMSC may leave unanswered
  modem = ""                   a serial device, such as "/dev/ttyUSB2"
  baud = 115200
  pin_file = ""                its first line; entered once, when the SIM asks
  receipts = false             ask what became of each message
  nosec = "trigger"            messages without security: off; trigger: to wake the devices whose account says so;
                               any: everything, to and from everybody that has no account, for tests
  port = 0                     WDP port; 0: none
  segments = 4                 short messages that a CoAP message may be cut into
  validity = 300               seconds
  response_wait = 300          seconds until a request by SMS is given up; CoAP repeats none
  [history]                    values of resources with their times: the last one of each, and those before
  enabled = true               kept in the file of [store] with .values behind its name; without a store, in memory
                               (128 MiB at most)
  max_age = 2592000            seconds that a value is in the history; the last one stays
  max_count = 1000             values of each resource, and up to an eighth more for a while
  series_max = 10000000        resources of all devices; when there are so many, those without a value for max_age go
  series_max_per_device = 1000 resources of one device; what is beyond is counted in the status
  [images]                     firmware, in a folder STORE.images beside the store
  image_max = 67108864         bytes of one
  total_max = 1073741824       bytes of all
  images_max = 1000
  coap_url = ""                how devices reach this server, such as "coap://fleet.example"; images are fetched there
  coaps_url = ""               at paths that nobody can guess, over the ports for devices. Without a port it is that of
  http_url = ""                listen, secure.listen or http. "": not by that protocol
  http = ""                    HOST:PORT for devices that fetch by HTTP; images only, without token and TLS
  [campaigns]
  campaigns_max = 1000         kept, those that are over included
  devices_max = 100000         of one
  push_bytes_max = 268435456   bytes of the image times parallel devices
  [[sink]]                     a receiver of events, repeatable; each event comes at least once, in order per device
  name = ""                    letters, digits, - and _; where it is goes on under this name after a restart
  kind = ""                    "webhook" or "mqtt"
  url = ""                     webhook: http:// or https://, wherever it leads, also into this machine's own network;
                               mqtt: mqtt://HOST:1883 or mqtts://HOST:8883
  kinds = []                   kinds of events; []: all but "learned"
  endpoints = []               patterns of endpoint names; []: all
  from = "newest"              where a new sink begins: with what comes, or "oldest": with all that is kept
  on_refused = "retry"         what the receiver will never take (4xx but 408, 425, 429): retry holds up what follows,
                               skip drops it with a line in the log
  retry_min = 1                seconds until a failed message is sent again, twice as long each time up to
  retry_max = 300
  timeout = 10                 seconds, 300 at most
  ca_file = ""                 PEM, who signed the receiver's certificate; "": the system's
  batch = 100                  webhook: events of a request, {"events":[...]}; 1: the event itself
  secret_file = ""             webhook: its first line signs each request, X-Drover-Signature: t=UNIX,v1=HEX, which is
                               HMAC-SHA256 of UNIX, "." and the body; X-Drover-Delivery is the same when it is repeated
  token_file = ""              webhook: for Authorization: Bearer
  topic = "drover/{endpoint}/{kind}"   mqtt: bytes that aren't visible ASCII, and % / + # $, become %XX; no name is "%"
  status_topic = ""            mqtt: "online", retained, and "offline" as the last will
  client_id = ""               mqtt: of this sink alone; "": drover-NAME
  username = ""
  password_file = ""           its first line
  in_flight = 20               mqtt: events without a PUBACK
  [[rule]]                     what is done with devices that register; any number of them
  name = "meters"
  enabled = true
  condition = { name = "meter-*" }   all must hold: endpoints, name, tags, manufacturer, model, version, object; or all
  ask = false                  read manufacturer, model and version from the device when they aren't known
  when = "registration"        registration: upon each new one; once: for each device until it has succeeded
  stop_on_failure = false      a step that fails ends the rule for that device
  steps = ["observe /3303/0/5700", "write-attributes /3303/0/5700 pmin=10 pmax=600", "read /3/0", "execute /3/0/12",
           "write /3/0/14 +01:00"]
  [log]
  level = "info"               debug, info, warn, error or off
  format = "text"              text or json
)";

}  // namespace drover::droverd
