// SPDX-License-Identifier: Apache-2.0
// The objects that a card brings to a device, as its description says them.
#pragma once

#include <string>
#include <vector>

#include "smartcard/bootstrap_file.hpp"

namespace drover::card {

/// Of `[bootstrap]`, `[[server]]` and `[[object]]` of a description, a toml::table: Security, Server, then the others as
/// they stand there. The Bootstrap-Server is instance 0; servers have the next ones, the same in both objects. Files are relative to `folder`; those with secrets are added to `key_files`. Values of an object take the
/// types of its definition: one of `definitions`, folders with DDF files, or of the shipped ones. What is wrong is a
/// device::Mistake.
std::vector<smartcard::CardObject> read_contents(const void* table, const std::string& folder,
                                                 const std::vector<std::string>& definitions,
                                                 std::vector<std::string>& key_files);

}  // namespace drover::card
