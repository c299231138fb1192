// SPDX-License-Identifier: Apache-2.0
#include "credential_store.hpp"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "fleet_journal.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"
#include "jobs/sealed_texts.hpp"
#include "store/master_key.hpp"
#include "store/sms_accounts.hpp"

namespace drover::droverd {

std::string take_master_key_variable() {
  const char* const value = std::getenv(store::kMasterKeyVariable);
  std::string key = value == nullptr ? "" : value;
  ::unsetenv(store::kMasterKeyVariable);
  return key;
}

Result<CredentialStore> open_credentials(const Config& config, std::shared_ptr<store::StoreFile> file,
                                         const std::string& key_variable) {
  auto own = store::read_server_credentials(config.credentials);
  if (!own) return tl::unexpected(own.error());
  store::Credentials::Settings settings;
  settings.any_certificate = config.any_certificate;
  settings.any_bootstrap_certificate = config.bootstrap.any_certificate;
  settings.unix_now = io::unix_now;
  store::Plans::Settings plan_settings;
  plan_settings.unix_now = io::unix_now;
  if (file == nullptr) {
    auto key = store::random_secret(store::Sealer::kKeySize);
    if (!key) return tl::unexpected(key.error());
    const store::Sealer sealer(std::move(*key));
    const auto nothing = std::make_shared<store::MemoryCredentialTable::Disk>();
    auto credentials =
        store::Credentials::open(std::make_unique<store::MemoryCredentialTable>(nothing), sealer, std::move(settings));
    if (!credentials) return tl::unexpected(credentials.error());
    auto plans = store::Plans::open(std::make_unique<store::MemoryPlanTable>(nothing), sealer, std::move(plan_settings));
    if (!plans) return tl::unexpected(plans.error());
    return CredentialStore{sealer, std::move(*own), std::move(*credentials), std::move(*plans)};
  }
  auto table = std::make_unique<store::FileCredentialTable>(file);
  const auto is_sealed = table->is_sealed();
  if (!is_sealed) return tl::unexpected(is_sealed.error());
  auto key = store::find_master_key(config.store, config.store_key_file, key_variable, *is_sealed);
  if (!key) return tl::unexpected(key.error());
  if (key->is_new) io::log::info("key of the store made: keep a copy apart from the store", {{"file", key->where}});
  auto credentials = store::Credentials::open(std::move(table), key->sealer, std::move(settings));
  if (!credentials) {
    Error error = credentials.error();
    if (error.fault == Fault::Us) error.reason = "store " + config.store + ", key of " + key->where + ": " + error.reason;
    return tl::unexpected(std::move(error));
  }
  auto plans = store::Plans::open(std::make_unique<store::FilePlanTable>(std::move(file)), key->sealer,
                                  std::move(plan_settings));
  if (!plans) return tl::unexpected(plans.error());
  return CredentialStore{std::move(key->sealer), std::move(*own), std::move(*credentials), std::move(*plans)};
}

Result<std::string> rekey(const Config& config, const std::string& key_variable, const std::string& new_key_file) {
  if (config.store.empty()) return tl::unexpected(Error{Fault::Us, 0, "--rekey needs a store (--store)"});
  auto file = store::StoreFile::open(config.store);
  if (!file) return tl::unexpected(file.error());
  auto opened = open_credentials(config, *file, key_variable);
  if (!opened) return tl::unexpected(opened.error());
  auto sms_accounts = store::SmsAccounts::open(*file, opened->sealer, io::unix_now);
  if (!sms_accounts) return tl::unexpected(sms_accounts.error());
  std::error_code error;
  auto key = std::filesystem::exists(new_key_file, error) ? store::read_master_key(new_key_file)
                                                          : store::make_master_key(new_key_file);
  if (!key) return tl::unexpected(key.error());
  const store::Sealer sealer = *key;
  auto jobs = jobs::reseal(**file, opened->sealer, sealer);
  if (!jobs) return tl::unexpected(jobs.error());
  const auto done = opened->credentials->rekey(std::move(*key), *opened->plans, **sms_accounts, std::move(*jobs));
  if (!done) return tl::unexpected(done.error());
  std::string said = "the store " + config.store + " is sealed with the key of " + new_key_file +
                     " now: set store.key_file to it; the old key opens nothing any more";
  const auto fleet = reseal_fleet(config.store, opened->sealer, sealer);
  if (!fleet) said += "; associations are lost, devices make new ones: " + fleet.error().reason;
  return said;
}

}  // namespace drover::droverd
