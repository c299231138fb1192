// SPDX-License-Identifier: Apache-2.0
// What the command line says about tags, bulk operations and rules.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/drover/jobs.hpp"
#include "apps/drover/selection_options.hpp"

namespace drover::cli {

namespace {

using Command = std::function<int(Session&)>;
using Arguments = std::shared_ptr<BulkArguments>;

CLI::App* add(CLI::App& parent, Command& chosen, const char* name, const char* help, Command run) {
  CLI::App* const command = parent.add_subcommand(name, help);
  command->callback([&chosen, run = std::move(run)] { chosen = run; });
  return command;
}

/// A bulk operation; which one is said when it is chosen.
CLI::App* add_operation(CLI::App& group, Command& chosen, const Arguments& a, const char* name, const char* operation,
                        const char* help) {
  CLI::App* const command = add(group, chosen, name, help, [a, operation](Session& s) {
    a->operation = operation;
    return add_bulk(s, *a);
  });
  command->add_option("path", a->path_text, "such as /3/0/14")->required();
  command->add_flag("--all", a->selection.all, "every registered device");
  command->add_option("--endpoint", a->selection.endpoints, "exactly this device, registered or not; repeatable")
      ->allow_extra_args(false);
  add_selection(command, a->selection);
  command->add_option("--parallel", a->parallel, "devices that are asked at once [100]")->check(CLI::Range(1, 10'000));
  command->add_option("--lifetime", a->lifetime, "give up what isn't done in that time: 90s, 30m, 12h [7d]")
      ->check(span_check());
  command->add_option("--priority", a->priority, "among what waits for a device: low, normal or high [normal]")
      ->check(CLI::IsMember({"low", "normal", "high"}));
  command->add_option("--stop-at-failures", a->stop_at_failures, "pause when so many percent failed, of 20 at least")
      ->check(CLI::Range(1, 100))
      ->type_name("PERCENT");
  return command;
}

void add_bulk_operations(CLI::App& group, Command& chosen, const Arguments& a) {
  CLI::App* const read = add_operation(group, chosen, a, "read", "read", "read a path of each");
  CLI::App* const observe = add_operation(group, chosen, a, "observe", "observe", "observe a path of each");
  for (CLI::App* const command : {read, observe}) command->add_option("--accept", a->accept, "format to ask for");
  CLI::App* const write = add_operation(group, chosen, a, "write", "write", "write a resource, or several of an instance");
  write->add_flag("--update", a->write.update, "leave what isn't given as it is, instead of replacing all");
  CLI::App* const create = add_operation(group, chosen, a, "create", "create", "create an instance of an object");
  create->add_option("--instance", a->write.instance, "its id; the device chooses without it");
  for (CLI::App* const command : {write, create}) {
    command->add_option("values", a->write.values, "VALUE, or RESOURCE=VALUE...");
    command->add_option("--format", a->write.format, "format to send: tlv, json, text, opaque or a number");
    command->add_option("--file", a->write.file, "send this file's bytes as they are")->check(CLI::ExistingFile);
  }
  CLI::App* const execute = add_operation(group, chosen, a, "exec", "execute", "execute a resource");
  execute->add_option("arguments", a->arguments, "such as 0='a',1");
  add_operation(group, chosen, a, "delete", "delete", "delete an object instance");
  add_operation(group, chosen, a, "discover", "discover", "discover what there is below a path");
  CLI::App* const attributes =
      add_operation(group, chosen, a, "attributes", "write-attributes", "set notification attributes");
  attributes->add_option("attributes", a->attributes, "pmin=10 pmax=60; pmin= unsets")->required();
  CLI::App* const cancel =
      add_operation(group, chosen, a, "cancel-observation", "cancel-observation", "cancel an observation");
  cancel->add_option("--mode", a->mode, "get, reset or attributes [get]")
      ->check(CLI::IsMember({"get", "reset", "attributes"}));
}

void add_bulk_management(CLI::App& group, Command& chosen, const Arguments& a) {
  add(group, chosen, "list", "all of them, newest first", [](Session& s) { return list_bulks(s); });
  const auto one = [&](const char* name, const char* help, Command run) {
    CLI::App* const command = add(group, chosen, name, help, std::move(run));
    command->add_option("id", a->id, "as drover bulk list has it")->required();
    return command;
  };
  one("show", "how one stands", [a](Session& s) { return show_bulk(s, a->id); });
  CLI::App* const devices =
      one("devices", "the result of each device", [a](Session& s) { return bulk_devices(s, *a); });
  devices->add_option("--state", a->state, "only waiting, sent, queued, done, failed, expired or cancelled");
  devices->add_option("--limit", a->limit, "at most so many")->check(CLI::PositiveNumber)->capture_default_str();
  one("pause", "ask no more devices for now", [a](Session& s) { return change_bulk(s, a->id, "pause"); });
  one("resume", "go on", [a](Session& s) { return change_bulk(s, a->id, "resume"); });
  one("cancel", "give up what waits, take back what is queued", [a](Session& s) { return change_bulk(s, a->id, "cancel"); });
  one("retry", "ask the devices that failed again", [a](Session& s) { return change_bulk(s, a->id, "retry"); });
  one("remove", "forget one that is over", [a](Session& s) { return remove_bulk(s, a->id); });
}

struct TagArguments {
  std::string endpoint;
  std::vector<std::string> tags;
};

void add_tag_commands(CLI::App& app, Command& chosen) {
  CLI::App* const group = app.add_subcommand("tag", "short texts on devices, to find them again");
  group->require_subcommand(1);
  const auto a = std::make_shared<TagArguments>();
  CLI::App* const made = add(*group, chosen, "add", "put tags on a device, registered or not",
                             [a](Session& s) { return add_tags(s, a->endpoint, a->tags); });
  CLI::App* const gone =
      add(*group, chosen, "remove", "take them away", [a](Session& s) { return remove_tags(s, a->endpoint, a->tags); });
  for (CLI::App* const command : {made, gone}) {
    command->add_option("endpoint", a->endpoint, "the device's endpoint name")->required();
    command->add_option("tags", a->tags, "such as site:berlin")->required();
  }
  CLI::App* const list = add(*group, chosen, "list", "all tags, or those of a device",
                             [a](Session& s) { return list_tags(s, a->endpoint); });
  list->add_option("endpoint", a->endpoint, "the device's endpoint name");
}

struct RuleArguments {
  std::string name;
  std::string file;
  std::string state;
  std::size_t limit = 1000;
};

void add_rule_commands(CLI::App& app, Command& chosen) {
  CLI::App* const group = app.add_subcommand("rules", "what is done with devices when they register");
  group->require_subcommand(1);
  const auto a = std::make_shared<RuleArguments>();
  add(*group, chosen, "list", "all of them", [](Session& s) { return list_rules(s); });
  const auto one = [&](const char* name, const char* help, Command run) {
    CLI::App* const command = add(*group, chosen, name, help, std::move(run));
    command->add_option("name", a->name, "of the rule")->required();
    return command;
  };
  one("show", "one with its steps", [a](Session& s) { return show_rule(s, a->name); });
  CLI::App* const put =
      one("set", "make or change one", [a](Session& s) { return put_rule(s, a->name, a->file); });
  put->add_option("file", a->file, "JSON as {\"condition\": {\"name\": \"meter-*\"}, \"steps\": [\"observe /3303/0/5700\"]};\n"
                                   "- is standard input")
      ->required();
  one("remove", "it does nothing any more", [a](Session& s) { return remove_rule(s, a->name); });
  CLI::App* const devices = one("devices", "what became of it on each device", [a](Session& s) {
    return rule_devices(s, a->name, a->state, a->limit);
  });
  devices->add_option("--state", a->state, "only running, done or failed");
  devices->add_option("--limit", a->limit, "at most so many")->check(CLI::PositiveNumber)->capture_default_str();
}

}  // namespace

void add_selection(CLI::App* command, SelectionOptions& options) {
  command->add_option("--name", options.name, "pattern of the endpoint name: * is any text, ? any character");
  command->add_option("--tag", options.tags, "it has this tag; repeatable")->allow_extra_args(false);
  command->add_option("--manufacturer", options.manufacturer, "pattern of its manufacturer");
  command->add_option("--model", options.model, "pattern of its model number");
  command->add_option("--firmware", options.firmware, "pattern of its firmware's version");
  command->add_option("--object", options.object, "it announces this object");
  command->add_option("--seen-within", options.seen_within, "its last Register or Update isn't longer ago: 90s, 30m, 12h, 7d")
      ->check(span_check());
  command->add_option("--silent-for", options.silent_for, "it is longer ago")->check(span_check());
}

CLI::Validator span_check() {
  return {[](std::string& text) {
            const bool fine = span_of(text).has_value();
            return fine ? std::string() : "\"" + text + "\" is no time such as 90s, 30m, 12h or 7d";
          },
          "TIME"};
}

void add_job_commands(CLI::App& app, std::function<int(Session&)>& chosen) {
  add_tag_commands(app, chosen);
  CLI::App* const group = app.add_subcommand("bulk", "one operation for many devices");
  group->require_subcommand(1);
  const auto a = std::make_shared<BulkArguments>();
  add_bulk_operations(*group, chosen, a);
  add_bulk_management(*group, chosen, a);
  add_rule_commands(app, chosen);
}

}  // namespace drover::cli
