// SPDX-License-Identifier: Apache-2.0
// What the command line says about credentials and the test PKI.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/drover/credentials.hpp"
#include "apps/drover/pki.hpp"

namespace drover::cli {

namespace {

using Command = std::function<int(Session&)>;

/// Adds one command below `parent`.
CLI::App* add(CLI::App& parent, Command& chosen, const char* name, const char* help, Command run) {
  CLI::App* const command = parent.add_subcommand(name, help);
  command->callback([&chosen, run = std::move(run)] { chosen = run; });
  return command;
}

void add_proof(CLI::App* command, const std::shared_ptr<CredentialArguments>& a) {
  CLI::Option* const key =
      command->add_option("--key-file", a->key_file, "pre-shared key in hexadecimal digits, or base64: and Base64; - is\n"
                                                     "standard input")
          ->type_name("FILE");
  command->add_flag("--generate", a->generate, "let the server make the key, and print it this once")->excludes(key);
  command->add_option("--key-bytes", a->key_bytes, "of a generated key [32]")->check(CLI::Range(16, 64))->type_name("N");
  command->add_option("--public-key", a->public_key_file, "a raw public key, PEM or DER")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
  command->add_option("--certificate", a->certificate_file, "take this certificate's fingerprint as identity; PEM or DER")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
  command->add_option("--label", a->label, "for people");
}

void add_changes(CLI::App& group, Command& chosen, const std::shared_ptr<CredentialArguments>& a) {
  CLI::App* made = add(group, chosen, "add", "let a device in", [a](Session& s) { return add_credential(s, *a); });
  made->add_option("kind", a->kind, "psk, public-key or certificate")
      ->required()
      ->check(CLI::IsMember({"psk", "public-key", "certificate"}));
  made->add_option("identity", a->identity, "PSK identity, or a certificate's fingerprint or name");
  made->add_option("--endpoint", a->endpoint, "endpoint name it is for; without it the one that equals the identity");
  made->add_flag_callback(
      "--bootstrap", [a] { a->purpose = "bootstrap"; }, "for the bootstrap server; without it for the LwM2M server");
  add_proof(made, a);
  CLI::App* second = add(group, chosen, "rotate", "a second one for the endpoint of another",
                         [a](Session& s) { return rotate_credential(s, *a); });
  second->add_option("id", a->id, "of the other")->required();
  second->add_option("identity", a->identity, "the new one");
  second->add_option("--retire-after", a->retire_after, "seconds until the other expires")->type_name("S");
  add_proof(second, a);
  CLI::App* other = add(group, chosen, "change", "disable, enable, bind to another endpoint, label",
                        [a](Session& s) { return change_credential(s, *a); });
  other->add_option("id", a->id)->required();
  other->add_flag("--enable,!--disable", a->enabled, "whether it is good");
  other->add_option("--endpoint", a->endpoint, "endpoint name it is for; '' is the one that equals the identity");
  other->add_option("--label", a->label, "for people");
  CLI::App* gone = add(group, chosen, "remove", "end it and its associations",
                       [a](Session& s) { return remove_credential(s, a->id); });
  gone->add_option("id", a->id)->required();
  CLI::App* many = add(group, chosen, "import", "add all of a CSV table, or none",
                       [a](Session& s) { return import_credentials(s, *a); });
  many->add_option("file", a->table, "header row: kind,identity,key,endpoint,label,purpose; - is standard input")->required();
  many->add_flag("--partial", a->partial, "add what is right although other rows are wrong");
  many->footer("A table of more than 1 MiB goes to the server in pieces, when all of its rows could be read. Rows that the\n"
               "server refuses for what it has already then keep only their piece and those behind it from being added.");
}

void add_pki(CLI::App& app, Command& chosen) {
  CLI::App* const group = app.add_subcommand("pki", "certificates and keys for trying things out");
  group->require_subcommand(1);
  const auto a = std::make_shared<PkiArguments>();
  CLI::App* init = add(*group, chosen, "init", "a CA, the server's certificate and keys, and devices'",
                       [a](Session&) { return pki_init(*a); });
  init->add_option("folder", a->folder, "made when it isn't there; nothing is overwritten")->required();
  init->add_option("--server", a->servers, "host name or IP address of the server, repeatable")
      ->required()
      ->allow_extra_args(false)
      ->type_name("NAME");
  init->add_option("--device", a->endpoints, "endpoint name of a device, repeatable")
      ->allow_extra_args(false)
      ->type_name("ENDPOINT");
  CLI::App* device = add(*group, chosen, "add-device", "a certificate and keys for more devices",
                         [a](Session&) { return pki_add_device(*a); });
  device->add_option("folder", a->folder, "of pki init")->required();
  device->add_option("endpoints", a->endpoints, "endpoint names")->required();
  for (CLI::App* const command : {init, device}) {
    command->add_option("--days", a->days, "that certificates are valid")->check(CLI::Range(1, 36500))->capture_default_str();
  }
}

}  // namespace

void add_credential_commands(CLI::App& app, std::function<int(Session&)>& chosen) {
  CLI::App* const group = app.add_subcommand("credentials", "what devices prove themselves with");
  group->require_subcommand(1);
  const auto a = std::make_shared<CredentialArguments>();
  CLI::App* list =
      add(*group, chosen, "list", "all of them, without secrets", [a](Session& s) { return list_credentials(s, *a); });
  list->add_option("--endpoint", a->endpoint, "only those for this endpoint name");
  list->add_option("--purpose", a->purpose, "only server or bootstrap")->check(CLI::IsMember({"server", "bootstrap"}));
  list->add_option("--kind", a->kind, "only psk, public-key or certificate")
      ->check(CLI::IsMember({"psk", "public-key", "certificate"}));
  list->add_option("--limit", a->limit, "at most so many")->check(CLI::PositiveNumber)->capture_default_str();
  CLI::App* show = add(*group, chosen, "show", "one of them", [a](Session& s) { return show_credential(s, a->id); });
  show->add_option("id", a->id)->required();
  add_changes(*group, chosen, a);
  add_pki(app, chosen);
}

}  // namespace drover::cli
