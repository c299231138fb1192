// SPDX-License-Identifier: Apache-2.0
// What the command line says about firmware images and campaigns.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/drover/campaigns.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {

namespace {

using Command = std::function<int(Session&)>;
using Arguments = std::shared_ptr<CampaignArguments>;

/// Adds one command below `parent`.
CLI::App* add(CLI::App& parent, Command& chosen, const char* name, const char* help, Command run) {
  CLI::App* const command = parent.add_subcommand(name, help);
  command->callback([&chosen, run = std::move(run)] { chosen = run; });
  return command;
}

CLI::Validator span() {
  return {[](std::string& text) {
            return span_of(text) ? std::string() : "\"" + text + "\" is no time such as 90s, 30m, 12h or 7d";
          },
          "TIME"};
}

void add_image_commands(CLI::App& app, Command& chosen, const Arguments& a) {
  CLI::App* const group = app.add_subcommand("image", "firmware images that the server keeps");
  group->require_subcommand(1);
  CLI::App* const put = add(*group, chosen, "put", "upload one; a name keeps its content", [a](Session& s) { return put_image(s, *a); });
  put->add_option("name", a->image, "such as meter-2.1.0")->required();
  put->add_option("file", a->file, "the image")->required()->check(CLI::ExistingFile);
  put->add_option("--firmware-version", a->firmware_version,
                  "as devices show it in /3/0/3 when they run it; without it a campaign can't check that they do");
  add(*group, chosen, "list", "all of them", [](Session& s) { return list_images(s); });
  CLI::App* const gone = add(*group, chosen, "remove", "unless a campaign that isn't over uses it",
                             [a](Session& s) { return remove_image(s, a->image); });
  gone->add_option("name", a->image, "the image's name")->required();
}

void add_create(CLI::App& group, Command& chosen, const Arguments& a) {
  CLI::App* const made = add(group, chosen, "create", "bring an image to devices", [a](Session& s) { return create_campaign(s, *a); });
  made->add_option("image", a->image, "the image's name")->required();
  made->add_option("endpoints", a->endpoints, "endpoint names of devices");
  made->add_option("--endpoints-file", a->endpoints_file, "one a line")->type_name("FILE");
  made->add_option("--title", a->name, "what people call the campaign; the image's name without it");
  made->add_option("--name", a->pattern, "devices whose endpoint name is like that, such as meter-*");
  made->add_option("--tag", a->tags, "devices with that tag; each of them when given again")->allow_extra_args(false);
  made->add_option("--manufacturer", a->manufacturer, "whose /3/0/0 is like that");
  made->add_option("--model", a->model, "whose /3/0/1 is like that");
  made->add_option("--running", a->version, "whose firmware (/3/0/3) is like that");
  made->add_option("--seen-within", a->seen_within, "heard in that time")->check(span());
  made->add_option("--method", a->method, "push; or devices fetch it by coap, coaps or http, from where the server's [images]\nsays")
      ->check(CLI::IsMember({"push", "coap", "coaps", "http"}))
      ->capture_default_str();
  made->add_option("--parallel", a->parallel, "devices at once")->check(CLI::Range(1, 10'000))->capture_default_str();
  made->add_option("--stop-percent", a->stop_percent, "begin with no more when more than that of those that ended failed; 0: never")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  made->add_option("--stop-after", a->stop_after, "but not before so many ended")->check(CLI::PositiveNumber)->capture_default_str();
  made->add_option("--retries", a->retries, "of each device")->check(CLI::Range(0, 10))->capture_default_str();
  made->add_flag("--keep-stuck", a->keep_stuck, "leave devices alone that have another update under way, instead of resetting that");
  made->add_flag("--again", a->again, "also those that run that version already");
  made->add_option("--start-in", a->start, "not at once")->check(span());
  CLI::Option* const from = made->add_option("--from", a->window_from, "devices begin between this time of the day, UTC, such as 22:00");
  made->add_option("--to", a->window_to, "and this one")->needs(from);
  from->needs(made->get_option("--to"));
  made->add_option("--reach", a->reach, "until a device must be heard [7d]")->check(span());
  made->add_option("--transfer", a->transfer, "that pushing may take [1h]")->check(span());
  made->add_option("--download", a->download, "that downloading may take [1d]")->check(span());
  made->add_option("--update", a->update, "that installing may take [1d]")->check(span());
}

}  // namespace

void add_campaign_commands(CLI::App& app, std::function<int(Session&)>& chosen) {
  const auto a = std::make_shared<CampaignArguments>();
  add_image_commands(app, chosen, a);
  CLI::App* const group = app.add_subcommand("campaign", "firmware for many devices");
  group->require_subcommand(1);
  add_create(*group, chosen, a);
  CLI::App* const list = add(*group, chosen, "list", "newest first", [a](Session& s) { return list_campaigns(s, a->limit); });
  CLI::App* const show = add(*group, chosen, "show", "how far one is: # good, x failed, > under way, . to come",
                             [a](Session& s) { return show_campaign(s, *a); });
  show->add_flag("--follow", a->follow, "until it is over or stands still");
  CLI::App* const devices = add(*group, chosen, "devices", "how each device stands", [a](Session& s) { return campaign_devices(s, *a); });
  devices->add_option("--state", a->state,
                      "only waiting, checking, resetting, observing, ready, transferring, downloading, starting, updating,\n"
                      "verifying, ended; succeeded, failed, timed-out, vanished, skipped or cancelled");
  for (CLI::App* const command : {list, devices}) {
    command->add_option("--limit", a->limit, "at most so many")->check(CLI::PositiveNumber)->capture_default_str();
  }
  CLI::App* const pause = add(*group, chosen, "pause", "begin with no more devices; those under way go on",
                              [a](Session& s) { return act_on_campaign(s, *a, "pause"); });
  CLI::App* const resume = add(*group, chosen, "resume", "go on, also behind too many failures",
                               [a](Session& s) { return act_on_campaign(s, *a, "resume"); });
  CLI::App* const cancel = add(*group, chosen, "cancel", "for good", [a](Session& s) { return act_on_campaign(s, *a, "cancel"); });
  cancel->add_flag("--reset", a->reset, "have devices give up what they were given, unless they install it already");
  CLI::App* const retry = add(*group, chosen, "retry", "again with those that failed, timed out or vanished",
                              [a](Session& s) { return act_on_campaign(s, *a, "retry"); });
  CLI::App* const gone = add(*group, chosen, "remove", "forget one that is over", [a](Session& s) { return remove_campaign(s, a->id); });
  for (CLI::App* const command : {show, devices, pause, resume, cancel, retry, gone}) {
    command->add_option("id", a->id, "as in drover campaign list")->required();
  }
}

}  // namespace drover::cli
