// SPDX-License-Identifier: Apache-2.0
// drover pki: init, add-device, and what to put where.
#include <cstdio>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/pki.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {

namespace {

int fail(const Error& error) {
  std::fprintf(stderr, "drover: %s\n", error.reason.c_str());
  return error.fault == Fault::Us ? kUsage : kOutput;
}

std::string quoted(const std::string& text) {
  std::string safe;
  for (const char c : text) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + safe + "'";
}

std::string files_text(const std::vector<std::string>& files) {
  std::string text = "made:\n";
  for (const std::string& file : files) text += "  " + file + "\n";
  return text;
}

std::string devices_text(const PkiArguments& arguments) {
  std::string text;
  for (const std::string& endpoint : arguments.endpoints) {
    const std::string base = arguments.folder + "/devices/" + file_name_of(endpoint);
    text += "\ndevice " + printable(endpoint) + ", Security object (/0/x), DER:\n" +
            "  certificates  /2 = 2; /3 " + base + ".der; /5 " + base + ".key.der; /4 " + arguments.folder + "/ca.der\n" +
            "  raw keys      /2 = 1; /3 " + base + ".pub.der; /5 " + base + ".key.der; /4 " + arguments.folder +
            "/server.pub.der\n" + "                and: drover credentials add public-key --public-key " +
            quoted(base + ".pub.pem") + " --endpoint " + quoted(endpoint) + "\n";
  }
  return text;
}

}  // namespace

int pki_init(const PkiArguments& arguments) {
  const auto made = make_pki(arguments);
  if (!made) return fail(made.error());
  const std::string& folder = arguments.folder;
  print(files_text(*made) + "\nserver, droverd's configuration:\n  [credentials]\n  trust_anchors = [\"" + folder +
        "/ca.pem\"]\n  certificate = \"" + folder + "/server.pem\"\n  private_key = \"" + folder +
        "/server.key.pem\"\n  raw_private_key = \"" + folder + "/server.key.pem\"\n" + devices_text(arguments) +
        "\nca.key.* signs new devices: drover pki add-device " + quoted(folder) +
        " ENDPOINT. Keep it elsewhere, and take another PKI for production.\n");
  return kOk;
}

int pki_add_device(const PkiArguments& arguments) {
  const auto made = add_pki_devices(arguments);
  if (!made) return fail(made.error());
  print(files_text(*made) + devices_text(arguments));
  return kOk;
}

}  // namespace drover::cli
