// SPDX-License-Identifier: Apache-2.0
// drover-fetch: gets a firmware image for drover-device, or any file for anybody.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <new>

#include "apps/fetch/fetch.hpp"

namespace drover::fetch {
namespace {

constexpr int kWrongUsage = 1;

/// Ends this process when the one that started it dies, so that there are never two of it at one file.
bool tie_to(pid_t parent) {
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
}

bool read_keys(Options& options) {
  constexpr std::size_t kMax = 64 << 10;
  Bytes packed;
  std::array<std::uint8_t, 4096> buffer{};
  while (packed.size() < kMax) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    packed.insert(packed.end(), buffer.begin(), buffer.begin() + count);
  }
  options.keys = client::SecurityValues::unpack(packed);
  return options.keys.has_value();
}

int run(const Options& options) {
  try {
    const Ending ending = fetch(options);
    if (ending.kind == Ending::Kind::Whole) return 0;
    std::printf("drover-fetch: %s: %s\n", options.uri.c_str(), ending.reason.c_str());
    return static_cast<int>(ending.result);
  } catch (const std::bad_alloc&) {
    std::printf("drover-fetch: out of memory\n");
    return static_cast<int>(FirmwareResult::OutOfMemory);
  }
}

}  // namespace
}  // namespace drover::fetch

int main(int argc, char** argv) {
  using namespace drover::fetch;
  Options options;
  std::int64_t seconds = 300;
  pid_t parent = 0;
  bool keys_on_input = false;
  CLI::App app("Fetches a file by coap, coaps, http or https into FILE, and goes on where it was interrupted.",
               "drover-fetch");
  app.add_option("URI", options.uri, "coap://, coaps://, http:// or https://")->required();
  app.add_option("FILE", options.file, "is made or overwritten")->required();
  app.add_option("--offset", options.offset, "goes on here in FILE; needs --etag")->type_name("BYTES");
  app.add_option("--etag", options.etag, "what the first BYTES belong to, as it was printed")->type_name("ETAG");
  app.add_option("--max-size", options.size_max, "the longest file that is taken")->type_name("BYTES");
  app.add_option("--timeout", seconds, "gives up when nothing more has come for so long (300)")
      ->check(CLI::Range(1, 86400))
      ->type_name("SECONDS");
  app.add_option("--with-parent", parent, "ends when the process PID, which starts it, does")->type_name("PID");
  app.add_flag("--keys-on-input", keys_on_input,
               "drover-device gives the keys for coaps on the standard input, in a form of its own");
  app.set_version_flag("--version", DROVER_VERSION);
  app.footer(
      "Prints \"etag=ETAG size=BYTES\" when a file begins and \"offset=BYTES\" when so much of it is safe on disk.\n"
      "Exit codes, but for 0 and 1 (wrong usage) the Update Results of LwM2M: 0 done, 2 no space, 3 out of memory,\n"
      "4 connection lost, 7 the URI is invalid or leads nowhere, 9 unsupported protocol.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "drover-fetch: %s; --help lists the options\n", error.what());
    return kWrongUsage;
  }
  if (keys_on_input && !read_keys(options)) {
    std::fprintf(stderr, "drover-fetch: what is on the standard input isn't what drover-device gives\n");
    return kWrongUsage;
  }
  options.patience = std::chrono::seconds(seconds);
  if (parent != 0 && !tie_to(parent)) return kWrongUsage;
  // A file over the process's limit is an error of write(2), not the end of the process.
  ::signal(SIGXFSZ, SIG_IGN);
  const int code = run(options);
  std::fflush(stdout);
  return code;
}
