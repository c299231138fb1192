// SPDX-License-Identifier: Apache-2.0
// drover: the command line over droverd's REST API.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/drover/api_client.hpp"
#include "apps/drover/audit.hpp"
#include "apps/drover/bootstrap.hpp"
#include "apps/drover/campaigns.hpp"
#include "apps/drover/commands.hpp"
#include "apps/drover/credentials.hpp"
#include "apps/drover/exit_status.hpp"
#include "apps/drover/history.hpp"
#include "apps/drover/jobs.hpp"
#include "apps/drover/selection_options.hpp"
#include "apps/drover/session.hpp"
#include "apps/drover/sinks.hpp"
#include "apps/drover/sms.hpp"
#include "apps/drover/token_source.hpp"
#include "apps/drover/upkeep.hpp"
#include "io/standard_output.hpp"

namespace {

using drover::cli::Session;
using drover::lwm2m::Path;

constexpr const char* kFooter =
    "PATH is /OBJECT[/INSTANCE[/RESOURCE[/RESOURCE-INSTANCE]]], such as /3/0/14. A VALUE is typed by the object's\n"
    "definition: Boolean true or false, Time Unix seconds or 2026-01-31T12:00:00Z, Opaque Base64, hex:00ff or @FILE,\n"
    "Objlnk 3:0. One that begins with a minus sign goes behind \"--\".\n\n"
    "  drover devices --search demo\n"
    "  drover read urn:dev:os:demo /3/0\n"
    "  drover write urn:dev:os:demo /3/0/14 +01:00\n"
    "  drover write urn:dev:os:demo /1/0 1=300 6=true --update\n"
    "  drover observe urn:dev:os:demo /3303/0/5700\n"
    "  drover write urn:dev:os:sleeper /3/0/14 +01:00 --expires 12h\n"
    "  drover operations urn:dev:os:sleeper\n\n"
    "Exit status: 0 done; 1 the device answered with an error; 2 wrong use; 3 the device isn't registered;\n"
    "4 no answer from the device; 5 the server can't be reached or is in trouble; 6 the output can't be written;\n"
    "7 the server wants a token, or one of a higher role; 8 the operation is queued, as its device sleeps, or is\n"
    "still on its way: drover operation shows what came of it.\n\n"
    "The token is that of --token-file, else DROVER_TOKEN, else ~/.config/drover/token; files must be 0600. It goes by\n"
    "https, or by http to this machine alone.";

/// Everything that the command line can say; each command reads its part.
struct Arguments {
  std::string api = "http://127.0.0.1:8080";
  std::uint32_t timeout = drover::cli::ApiClient::kTimeoutDefault;
  bool json = false;
  std::string token_file;
  std::string authority;

  std::string endpoint;
  std::string path_text;
  std::string search;
  std::string format;
  std::string execute_arguments;
  std::string version;
  std::vector<std::string> attributes;
  drover::cli::WriteArguments write;
  drover::cli::FollowArguments follow;
  std::size_t limit = 1000;
  std::uint64_t count = 0;
  std::optional<std::uint16_t> object;
  bool background = false;
  bool keep = false;
  std::string cancel_mode = "get";
  drover::cli::OperationOptions operation;
  std::uint64_t operation_id = 0;
  std::string states;
  std::string asked_by;
  drover::cli::SelectionOptions selection;
  std::size_t operations_limit = 100;
  std::string token;
  std::string role;
  std::string expires;

  [[nodiscard]] Path path() const { return *Path::parse(path_text); }
};

using Command = std::function<int(Session&)>;

CLI::Validator path_validator() {
  return {[](std::string& text) {
            return Path::parse(text) ? std::string() : "\"" + text + "\" is no path such as /3/0/14";
          },
          "PATH"};
}

/// Builds the commands; the one that was given is in `chosen` after parsing.
class CommandLine {
 public:
  CommandLine(CLI::App& app, Arguments& arguments, Command& chosen) : app_(app), a_(arguments), chosen_(chosen) {}

  void add_all() {
    add_global();
    add_devices();
    add_operations();
    add_queue();
    add_writes();
    add_observations();
    add_server();
    add_tokens();
    drover::cli::add_credential_commands(app_, chosen_);
    drover::cli::add_bootstrap_commands(app_, chosen_);
    drover::cli::add_sms_commands(app_, chosen_);
    drover::cli::add_history_commands(app_, chosen_);
    drover::cli::add_campaign_commands(app_, chosen_);
    drover::cli::add_sink_commands(app_, chosen_);
    drover::cli::add_audit_commands(app_, chosen_);
    drover::cli::add_job_commands(app_, chosen_);
    drover::cli::add_upkeep_commands(app_, chosen_);
  }

 private:
  CLI::App* add(const char* name, const char* help, Command run) {
    CLI::App* command = app_.add_subcommand(name, help);
    command->callback([this, run = std::move(run)] { chosen_ = run; });
    return command;
  }
  CLI::App* add_device(const char* name, const char* help, Command run) {
    CLI::App* command = add(name, help, std::move(run));
    command->add_option("endpoint", a_.endpoint, "the device's endpoint name")->required();
    return command;
  }
  CLI::App* add_path(const char* name, const char* help, Command run) {
    CLI::App* command = add_device(name, help, std::move(run));
    command->add_option("path", a_.path_text, "such as /3/0/14")->required()->check(path_validator());
    return command;
  }
  /// A command that a device carries out, maybe when it wakes.
  CLI::App* add_operation(const char* name, const char* help, Command run) {
    CLI::App* command = add_path(name, help, std::move(run));
    command->add_flag("--wait", a_.operation.wait, "wait for the result, up to --timeout, of a sleeping device, too");
    command->add_option("--expires", a_.operation.expires, "give up what isn't done in that time: 90s, 30m, 12h, 7d")
        ->check(drover::cli::span_check());
    command->add_option("--via", a_.operation.via, "auto: as it registered, with the server's fallback; udp; sms")
        ->check(CLI::IsMember({"auto", "udp", "sms"}));
    command->add_option("--redeliver", a_.operation.redeliver, "send again what met a sleeping device: always, never,\n"
                        "harmless (the default): unless that could do something twice")
        ->check(CLI::IsMember({"harmless", "always", "never"}));
    command->add_option("--priority", a_.operation.priority, "what goes first of what waits: low, normal or high")
        ->check(CLI::IsMember({"low", "normal", "high"}));
    command->add_flag("--no-trigger", a_.operation.no_trigger, "don't ask a sleeping device by SMS to wake");
    return command;
  }
  void add_format(CLI::App* command, const char* option, const char* help) {
    command->add_option(option, a_.format, help);
  }

  void add_global() {
    app_.add_option("--api", a_.api, "where droverd's API is")->envname("DROVER_API")->capture_default_str();
    app_.add_option("--timeout", a_.timeout, "seconds to wait for a device")
        ->check(CLI::Range(1, 300))
        ->capture_default_str();
    app_.add_option("--token-file", a_.token_file, "file with the token for the API, 0600")->type_name("FILE");
    app_.add_option("--ca", a_.authority, "PEM file of who signed the server's certificate, when the system doesn't know")
        ->envname("DROVER_CA")
        ->check(CLI::ExistingFile)
        ->type_name("FILE");
    app_.add_flag("--json", a_.json, "the API's JSON instead of tables, one value a line");
  }

  void add_devices() {
    CLI::App* devices = add("devices", "list registered devices",
                            [this](Session& s) { return drover::cli::devices(s, a_.search, a_.selection, a_.limit); });
    devices->add_option("--search", a_.search, "part of the endpoint name; with no other filter");
    drover::cli::add_selection(devices, a_.selection);
    devices->add_option("--limit", a_.limit, "at most so many")->check(CLI::PositiveNumber)->capture_default_str();
    add_device("show", "one device and its objects", [this](Session& s) { return drover::cli::show(s, a_.endpoint); });
  }

  void add_operations() {
    CLI::App* read = add_operation("read", "read an object, instance, resource or resource instance",
                              [this](Session& s) { return drover::cli::read(s, a_.endpoint, a_.path(), a_.format); });
    add_format(read, "--accept", "format to ask for: tlv, json, text, opaque, a number, or none");
    CLI::App* execute = add_operation("exec", "execute a resource", [this](Session& s) {
      return drover::cli::execute(s, a_.endpoint, a_.path(), a_.execute_arguments);
    });
    execute->add_option("arguments", a_.execute_arguments, "such as 0='a',1");
    add_operation("delete", "delete an object instance",
             [this](Session& s) { return drover::cli::remove(s, a_.endpoint, a_.path()); });
    add_operation("discover", "what there is below a path, with its attributes",
             [this](Session& s) { return drover::cli::discover(s, a_.endpoint, a_.path()); });
    CLI::App* attributes =
        add_operation("attributes", "set notification attributes; show them without any",
                 [this](Session& s) { return drover::cli::attributes(s, a_.endpoint, a_.path(), a_.attributes); });
    attributes->add_option("attributes", a_.attributes, "pmin=10 pmax=60 gt=25 lt=5 st=0.5; pmin= unsets");
  }

  void add_queue() {
    CLI::App* all = add("operations", "what waits for a device, or for all, is under way, or was done", [this](Session& s) {
      return drover::cli::operations(s, {a_.endpoint, a_.states, a_.asked_by, a_.operations_limit});
    });
    all->add_option("endpoint", a_.endpoint, "the device's endpoint name; all devices without it");
    all->add_option("--asked-by", a_.asked_by, "only what was asked by this, such as \"bulk 7\"; of all devices");
    all->add_option("--state", a_.states, "only queued, sent, done, failed, expired, cancelled: comma-separated");
    all->add_option("--limit", a_.operations_limit, "at most so many")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    CLI::App* one = add_device(
        "operation", "how one stands, and what came of it: the exit status says the same",
        [this](Session& s) { return drover::cli::operation(s, a_.endpoint, a_.operation_id); });
    CLI::App* back = add_device("cancel-operation", "take one back that isn't over", [this](Session& s) {
      return drover::cli::cancel_operation(s, a_.endpoint, a_.operation_id);
    });
    for (CLI::App* command : {one, back}) {
      command->add_option("id", a_.operation_id, "as it was said when queued, and in drover operations")->required();
    }
  }

  void add_writes() {
    CLI::App* write = add_operation("write", "write a resource, or several of an instance",
                               [this](Session& s) { return drover::cli::write(s, a_.endpoint, a_.path(), a_.write); });
    write->add_option("values", a_.write.values, "VALUE, or RESOURCE=VALUE... for an instance");
    write->add_flag("--update", a_.write.update, "leave what isn't given as it is, instead of replacing all");
    CLI::App* create = add_operation("create", "create an instance of an object", [this](Session& s) {
      return drover::cli::create(s, a_.endpoint, a_.path(), a_.write);
    });
    create->add_option("values", a_.write.values, "RESOURCE=VALUE...");
    create->add_option("--instance", a_.write.instance, "its id; the device chooses without it");
    for (CLI::App* command : {write, create}) {
      command->add_option("--format", a_.write.format, "format to send: tlv, json, text, opaque or a number");
      command->add_option("--file", a_.write.file, "send this file's bytes as they are")->check(CLI::ExistingFile);
    }
  }

  void add_observations() {
    CLI::App* observe = add_operation("observe", "observe a path, and show what comes until Ctrl-C", [this](Session& s) {
      return drover::cli::observe(s, a_.endpoint, a_.path(), a_.format, !a_.background, a_.keep, a_.count);
    });
    add_format(observe, "--accept", "format to ask for");
    observe->add_option("--count", a_.count, "end after so many notifications");
    observe->add_flag("--keep", a_.keep, "don't cancel the observation at the end");
    observe->add_flag("--background", a_.background, "begin it and return; see observations, events and cancel");
    add_device("observations", "what is observed of a device",
               [this](Session& s) { return drover::cli::observations(s, a_.endpoint); });
    CLI::App* cancel = add_operation("cancel", "cancel an observation", [this](Session& s) {
      return drover::cli::cancel(s, a_.endpoint, a_.path(), a_.cancel_mode);
    });
    cancel
        ->add_option("--mode", a_.cancel_mode,
                     "get: by a GET now; reset: by a Reset to the next notification; attributes: by a\n"
                     "Write-Attributes with \"cancel\", for devices of early drafts")
        ->check(CLI::IsMember({"get", "reset", "attributes"}))
        ->capture_default_str();
  }

  void add_server() {
    CLI::App* events = add("events", "show what happens, as it happens",
                           [this](Session& s) { return drover::cli::events(s, a_.follow); });
    events->add_option("--endpoint", a_.follow.endpoint, "only of this device");
    events->add_option(
        "--kind", a_.follow.kinds,
        "only registered, updated, expired, deregistered, notification, observation-ended, refused, operation,\n"
        "bootstrap-started, bootstrap-progress, bootstrap-ended, bootstrap-refused: comma-separated");
    events->add_option("--after", a_.follow.last_event_id, "begin behind the event with this id");
    events->add_option("--count", a_.follow.count, "end after so many");
    CLI::App* objects = add("objects", "object definitions that the server knows",
                            [this](Session& s) { return drover::cli::objects(s, a_.object, a_.version); });
    objects->add_option("id", a_.object, "one of them, with its resources");
    objects->add_option("--object-version", a_.version, "of that object");
    add("status", "the server's counters", [](Session& s) { return drover::cli::status(s); });
  }

  void add_tokens() {
    CLI::App* token = app_.add_subcommand("token", "tokens of the API; the first one closes it to who has none");
    token->require_subcommand(1);
    const auto sub = [&](const char* name, const char* help, Command run) {
      CLI::App* command = token->add_subcommand(name, help);
      command->callback([this, run = std::move(run)] { chosen_ = run; });
      return command;
    };
    CLI::App* made = sub("add", "make one, and print it this once",
                         [this](Session& s) { return drover::cli::add_token(s, a_.token, a_.role, a_.expires); });
    made->add_option("name", a_.token, "who or what it is for")->required();
    made->add_option("--role", a_.role, "read: sees, and reads from devices; operate: changes devices; admin: all")
        ->required()
        ->check(CLI::IsMember({"read", "operate", "admin"}));
    made->add_option("--expires", a_.expires, "good so long: 90m, 12h, 30d; always without it");
    sub("list", "all of them, without their texts", [](Session& s) { return drover::cli::list_tokens(s); });
    CLI::App* gone = sub("remove", "no longer good from now on",
                         [this](Session& s) { return drover::cli::remove_token(s, a_.token); });
    gone->add_option("token", a_.token, "its name or id")->required();
  }

  CLI::App& app_;
  Arguments& a_;
  Command& chosen_;
};

/// What is wrong and where the right use is written, in one line.
int complain(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  if (!chosen.empty()) {
    return drover::cli::usage_error(std::string(error.what()) + " (see drover " + chosen.front()->get_name() +
                                    " --help)");
  }
  std::string commands;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands += (commands.empty() ? "" : ", ") + each->get_name();
  }
  const auto unknown = app.remaining();
  if (!unknown.empty() && unknown.front().rfind('-', 0) == 0) {
    return drover::cli::usage_error("no option \"" + unknown.front() + "\" (see drover --help)");
  }
  if (!unknown.empty())
    return drover::cli::usage_error("no command \"" + unknown.front() + "\"; there are " + commands);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return drover::cli::usage_error("give a command: " + commands);
  }
  return drover::cli::usage_error(std::string(error.what()) + " (see drover --help)");
}

int run(int count, char** values) {
  CLI::App app("Manage LwM2M devices through droverd.", "drover");
  Arguments arguments;
  Command chosen;
  app.footer(kFooter);
  app.set_version_flag("--version", std::string(DROVER_VERSION));
  app.require_subcommand(1);
  app.fallthrough();
  CommandLine commands(app, arguments, chosen);  // outlives the callbacks, which refer to it
  commands.add_all();
  try {
    app.parse(count, values);
  } catch (const CLI::CallForVersion& error) {
    // A command's option that somebody has guessed would end well, with nothing done.
    if (app.get_subcommands().empty()) return app.exit(error);
    return drover::cli::usage_error("--version is no option of a command; see its --help");
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : complain(app, error);
  }
  if (arguments.api.find("://") == std::string::npos) arguments.api = "http://" + arguments.api;
  const char* const variable = std::getenv("DROVER_TOKEN");
  auto token = drover::cli::find_token({.file = arguments.token_file,
                                        .environment = variable != nullptr ? variable : "",
                                        .home_file = drover::cli::home_token_file()});
  if (!token) return drover::cli::usage_error(token.error().reason);
  if (!token->empty()) {
    if (const auto fine = drover::cli::check_token_url(arguments.api); !fine) {
      return drover::cli::usage_error(fine.error().reason);
    }
  }
  drover::cli::ApiClient api({.url = arguments.api,
                              .timeout = arguments.timeout,
                              .token = std::move(*token),
                              .authority = arguments.authority});
  Session session{api, arguments.json, arguments.operation};
  return chosen(session);
}

}  // namespace

int main(int count, char** values) {
  std::signal(SIGPIPE, SIG_IGN);
  const int status = run(count, values);
  const auto said = drover::io::finish_output();
  if (said) return status;
  std::fprintf(stderr, "drover: %s\n", said.error().reason.c_str());
  return status == drover::cli::kOk ? drover::cli::kOutput : status;
}
