// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/sequence.hpp"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

#include "bootstrap/account.hpp"
#include "lwm2m/content/base64.hpp"
#include "lwm2m/content/content.hpp"
#include "lwm2m/mapping/bootstrap.hpp"

namespace drover::bootstrap {

using lwm2m::Path;
using security::ClientCredential;

namespace {

constexpr lwm2m::ObjectId kSecurityObject = 0;
constexpr lwm2m::ObjectId kServerObject = 1;

tl::unexpected<Error> failed(std::string reason) {
  return peer_error(0, std::move(reason));
}

std::string draw_serial(Rng& rng) {
  const auto number = static_cast<std::uint32_t>(rng.next() >> 32);
  Bytes bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
  return to_hex(bytes);
}

std::string name_of(const Account& account) {
  return account.short_server_id ? "server " + std::to_string(*account.short_server_id) : "the Bootstrap-Server account";
}

lwm2m::FormatNumber number_of(lwm2m::Format format) {
  return format == lwm2m::Format::Json ? lwm2m::format::kJson : lwm2m::format::kTlv;
}

}  // namespace

Sequence::Sequence(SharedPlan plan, std::string endpoint, std::optional<lwm2m::FormatNumber> format, Rng& rng)
    : plan_(std::move(plan)),
      endpoint_(std::move(endpoint)),
      format_(format.value_or(plan_->format) == lwm2m::format::kJson ? lwm2m::Format::Json : lwm2m::Format::Tlv),
      keys_(plan_->accounts.size()),
      places_(plan_->accounts.size()) {
  for (std::size_t i = 0; i <= plan_->accounts.size(); ++i) serials_.push_back(draw_serial(rng));
  for (std::size_t i = 0; i < plan_->accounts.size(); ++i) {
    const Account& account = plan_->accounts[i];
    if (!account.given) continue;
    keys_[i] = *account.given;
    if (auto* psk = std::get_if<security::PskCredential>(&keys_[i]->own)) psk->identity = account.identity.fill(values(i));
  }
}

TemplateValues Sequence::values(std::size_t account) const {
  TemplateValues values{endpoint_, serials_[account], {}};
  if (account < plan_->accounts.size()) values.short_server_id = plan_->accounts[account].short_server_id;
  return values;
}

// ---- keys -----------------------------------------------------------------------------------------------------------

std::vector<KeyRequest> Sequence::wanted() const {
  std::vector<KeyRequest> wanted;
  for (std::size_t i = 0; i < plan_->accounts.size(); ++i) {
    const Account& account = plan_->accounts[i];
    if (!account.wants_keys()) continue;
    wanted.push_back({account.short_server_id, account.mode, account.uri.fill_uri(values(i)), account.identity.fill(values(i)),
                      account.key_bytes, account.server_public_key});
  }
  return wanted;
}

Result<void> Sequence::take(std::vector<ClientCredential> keys) {
  auto given = keys.begin();
  for (std::size_t i = 0; i < plan_->accounts.size(); ++i) {
    const Account& account = plan_->accounts[i];
    if (account.wants_keys()) {
      if (given == keys.end()) return failed("keys: fewer than were asked for");
      keys_[i] = std::move(*given++);
      if (account.mode != SecurityMode::Psk && !account.server_public_key.empty()) {
        keys_[i]->server_public_key = account.server_public_key;
      }
    }
    if (!keys_[i]) continue;
    if (const auto fine = check_keys(account.mode, *keys_[i]); !fine) {
      return failed("keys of " + name_of(account) + ": " + fine.error().reason);
    }
    for (std::size_t other = 0; other < i; ++other) {
      if (keys_[other] && secret_key(*keys_[other]).reveal() == secret_key(*keys_[i]).reveal()) {
        return failed("keys of " + name_of(account) + ": they are those of " + name_of(plan_->accounts[other]));
      }
    }
  }
  if (given != keys.end()) return failed("keys: more than were asked for");
  return {};
}

std::vector<const ClientCredential*> Sequence::keys() const {
  std::vector<const ClientCredential*> all;
  for (const auto& keys : keys_) {
    if (keys) all.push_back(&*keys);
  }
  return all;
}

const ClientCredential* Sequence::keys_of(std::size_t account) const {
  return keys_[account] ? &*keys_[account] : nullptr;
}

void Sequence::pretend_keys() {
  for (std::size_t i = 0; i < plan_->accounts.size(); ++i) {
    const Account& account = plan_->accounts[i];
    if (account.mode == SecurityMode::NoSec) continue;
    const auto masked = [](std::size_t size) { return Secret<Bytes>(Bytes(size, '*')); };
    const std::size_t size = account.given ? secret_key(*account.given).reveal().size() : account.key_bytes;
    const Bytes shown = account.given ? public_part(*account.given) : to_bytes("(generated)");
    ClientCredential keys{security::PskCredential{account.identity.fill(values(i)), masked(size)}, account.server_public_key};
    if (account.mode == SecurityMode::RawPublicKey) keys.own = security::RawKeyCredential{shown, masked(size)};
    if (account.mode == SecurityMode::Certificate) keys.own = security::CertificateCredential{{shown}, masked(size)};
    if (account.mode != SecurityMode::Psk && keys.server_public_key.empty()) keys.server_public_key = to_bytes("(given later)");
    keys_[i] = std::move(keys);
  }
}

bool Sequence::is_told(std::string_view text) const {
  if (text.empty()) return false;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::any_of(keys_.begin(), keys_.end(), [&](const auto& keys) {
    if (!keys) return false;
    const Bytes& key = secret_key(*keys).reveal();
    return text.find(as_text(key)) != std::string_view::npos || lower.find(to_hex(key)) != std::string::npos ||
           text.find(lwm2m::content::to_base64(key)) != std::string_view::npos;
  });
}

// ---- operations -----------------------------------------------------------------------------------------------------

Result<std::optional<NextOperation>> Sequence::next() {
  if (step_ == plan_->steps.size()) return std::optional<NextOperation>();
  return std::visit([this](const auto& step) { return next_of(step); }, plan_->steps[step_].what);
}

Result<std::optional<NextOperation>> Sequence::next_of(const DiscoverStep& step) {
  const Path path = instead_ ? Path(*instead_) : step.path;
  return std::optional(NextOperation{lwm2m::BootstrapDiscover{path}, false});
}

Result<std::optional<NextOperation>> Sequence::next_of(const DeleteStep& step) {
  return std::optional(NextOperation{lwm2m::BootstrapDelete{step.path}, false});
}

Result<std::optional<NextOperation>> Sequence::next_of(const FinishStep&) {
  finish_sent_ = true;
  return std::optional(NextOperation{lwm2m::BootstrapFinish{}, false});
}

Result<std::optional<NextOperation>> Sequence::next_of(const AccountStep& step) {
  const Account& account = plan_->accounts[step.account];
  if (const auto placed = place_accounts(); !placed) return tl::unexpected(placed.error());
  const Place& place = places_[step.account];
  if (second_write_) {
    const Path path(kServerObject, *place.server);
    if (format_ == lwm2m::Format::Tlv) {
      return std::optional(NextOperation{lwm2m::BootstrapWrite{path, lwm2m::format::kTlv, account.server_tlv}, false});
    }
    lwm2m::InstanceNode server = account.server;
    server.id = *place.server;
    auto written = write(path, {{{kServerObject, {std::move(server)}}}}, false);
    if (!written) return tl::unexpected(written.error());
    return std::optional(std::move(*written));
  }
  const std::string uri = account.uri.fill_uri(values(step.account));
  if (uri.size() > kUriBytesMax) return failed("the URI of " + name_of(account) + " has more than 255 bytes");
  const Path path(kSecurityObject, *place.security);
  const bool secure = account.mode != SecurityMode::NoSec;
  auto written = write(path, {{{kSecurityObject, {security_instance(account, *place.security, uri, keys_of(step.account))}}}}, secure);
  if (!written) return tl::unexpected(written.error());
  Provisioned provisioned{account.short_server_id, account.mode, uri, {}, account.wants_keys()};
  if (secure) provisioned.public_identity = public_part(*keys_of(step.account));
  provisioned_.push_back(std::move(provisioned));
  return std::optional(std::move(*written));
}

Result<std::optional<NextOperation>> Sequence::next_of(const WriteStep& step) {
  const PlannedWrite& planned = plan_->writes[step.write];
  if (planned.texts.empty()) {
    // Clients that take a single resource in JSON are rare.
    const bool json = format_ == lwm2m::Format::Json && !planned.path.is_resource();
    const auto number = json ? lwm2m::format::kJson : lwm2m::format::kTlv;
    return std::optional(NextOperation{lwm2m::BootstrapWrite{planned.path, number, json ? planned.json : planned.tlv}, false});
  }
  lwm2m::Tree tree = planned.tree;
  auto text = planned.texts.begin();
  for (auto& object : tree.objects) {
    for (auto& instance : object.instances) {
      for (auto& resource : instance.resources) {
        for (auto& entry : resource.instances) {
          if (auto* value = std::get_if<std::string>(&entry.value)) *value = (text++)->fill(values(plan_->accounts.size()));
        }
      }
    }
  }
  auto written = write(planned.path, tree, false);
  if (!written) return tl::unexpected(written.error());
  return std::optional(std::move(*written));
}

Result<NextOperation> Sequence::write(const Path& path, const lwm2m::Tree& tree, bool is_secret) const {
  const lwm2m::Format format = path.is_resource() ? lwm2m::Format::Tlv : format_;
  auto payload = lwm2m::content::encode(format, path, tree);
  if (!payload) return tl::unexpected(payload.error());
  return NextOperation{lwm2m::BootstrapWrite{path, number_of(format), std::move(*payload)}, is_secret};
}

// ---- answers --------------------------------------------------------------------------------------------------------

void Sequence::advance() {
  ++step_;
  second_write_ = false;
  instead_.reset();
}

Result<void> Sequence::handle(const DeviceAnswer& answer) {
  assert(step_ < plan_->steps.size());
  const Step& step = plan_->steps[step_];
  if (std::holds_alternative<DiscoverStep>(step.what)) return handle_listing(answer);
  if (!answer.success && !step.optional) {
    return failed("refused with " + answer.code + (answer.text.empty() ? "" : ": " + answer.text));
  }
  if (const auto* account = std::get_if<AccountStep>(&step.what);
      account != nullptr && !second_write_ && !plan_->accounts[account->account].is_bootstrap()) {
    second_write_ = true;
    return {};
  }
  advance();
  return {};
}

Result<void> Sequence::handle_listing(const DeviceAnswer& answer) {
  const Step& step = plan_->steps[step_];
  const bool of_root = std::get<DiscoverStep>(step.what).path.is_root();
  if (!answer.success) {
    if (of_root && !instead_ && plan_->expect.empty()) {
      // "/" is a MAY (Core §5.2.7.3); object 0 is what matters most.
      instead_ = kSecurityObject;
      return {};
    }
    if (instead_ == kServerObject || (step.optional && plan_->expect.empty())) {
      advance();
      return {};
    }
    return failed("the device doesn't know Discover (" + answer.code + ")");
  }
  const auto listing = lwm2m::mapping::parse_listing(answer.text);
  if (!listing) return failed("the answer to Discover can't be read: " + listing.error().reason);
  discovered_ = true;
  for (const lwm2m::BootstrapEntry& entry : listing->entries) {
    const auto known = std::find_if(listed_.begin(), listed_.end(), [&](const auto& other) { return other.path == entry.path; });
    if (known == listed_.end()) listed_.push_back(entry);
  }
  if (instead_ == kSecurityObject) {
    instead_ = kServerObject;
    return {};
  }
  advance();
  return check_expected();
}

Result<void> Sequence::check_expected() const {
  for (const Path& path : plan_->expect) {
    const bool shown = std::any_of(listed_.begin(), listed_.end(), [&](const auto& entry) {
      return entry.path == path || (path.is_object() && path.contains(entry.path));
    });
    if (!shown) return failed("the device doesn't have " + path.to_string() + ", which the plan expects");
  }
  return {};
}

// ---- instance ids ---------------------------------------------------------------------------------------------------

/// Whether the plan has emptied the object, before an account is written, for sure.
bool Sequence::is_deleted(lwm2m::ObjectId object) const {
  for (std::size_t i = 0; i < step_; ++i) {
    const auto* deletion = std::get_if<DeleteStep>(&plan_->steps[i].what);
    if (deletion != nullptr && !plan_->steps[i].optional && deletion->path.depth() < 2 && deletion->path.contains(Path(object))) {
      return true;
    }
  }
  return false;
}

Result<void> Sequence::place_accounts() {
  if (placed_) return {};
  placed_ = true;
  for (const lwm2m::ObjectId object : {kSecurityObject, kServerObject}) {
    if (auto done = place(object); !done) return done;
  }
  return {};
}

Result<void> Sequence::place(lwm2m::ObjectId object) {
  const bool of_security = object == kSecurityObject;
  std::set<lwm2m::InstanceId> taken;
  std::optional<lwm2m::InstanceId> bootstrap;
  const bool emptied = is_deleted(object);
  for (const lwm2m::BootstrapEntry& entry : listed_) {
    if (!entry.path.is_instance() || entry.path.object() != object) continue;
    if (of_security && !entry.short_server_id) {
      bootstrap = entry.path.instance();
    } else if (!emptied) {
      taken.insert(entry.path.instance());
    }
  }
  // A client that doesn't say: the account that it came with is its first one.
  if (of_security && !bootstrap && !discovered_) bootstrap = 0;
  if (bootstrap) taken.insert(*bootstrap);

  const auto wish = [&](std::size_t i) -> std::optional<lwm2m::InstanceId> {
    return of_security ? plan_->accounts[i].security_instance : plan_->accounts[i].server_instance;
  };
  const auto chosen = [&](std::size_t i) -> std::optional<lwm2m::InstanceId>& {
    return of_security ? places_[i].security : places_[i].server;
  };
  const auto concerns = [&](std::size_t i) { return of_security || !plan_->accounts[i].is_bootstrap(); };
  std::set<lwm2m::InstanceId> ours;
  for (std::size_t i = 0; i < plan_->accounts.size(); ++i) {
    if (!concerns(i) || !wish(i)) continue;
    const Account& account = plan_->accounts[i];
    if (discovered_ && bootstrap == wish(i) && !account.is_bootstrap()) {
      return failed("/0/" + std::to_string(*bootstrap) + ", which the plan has for " + name_of(account) +
                    ", is the device's Bootstrap-Server account");
    }
    chosen(i) = wish(i);
    ours.insert(*wish(i));
  }
  for (std::size_t i = 0; i < plan_->accounts.size(); ++i) {
    if (!concerns(i) || chosen(i)) continue;
    const Account& account = plan_->accounts[i];
    // In its own place: a client has at most one Bootstrap-Server account, and one account a Short Server ID.
    std::optional<lwm2m::InstanceId> place = account.is_bootstrap() ? bootstrap : std::nullopt;
    for (const lwm2m::BootstrapEntry& entry : listed_) {
      const bool own = account.short_server_id && entry.path.is_instance() && entry.path.object() == object &&
                       entry.short_server_id == account.short_server_id;
      if (own && !place) place = entry.path.instance();
    }
    if (!place || ours.contains(*place)) {
      place = 0;
      while (taken.contains(*place) || ours.contains(*place)) {
        if (++*place == lwm2m::kReservedId) return failed("there is no free instance of object " + std::to_string(object));
      }
    }
    chosen(i) = place;
    ours.insert(*place);
  }
  return {};
}

}  // namespace drover::bootstrap
