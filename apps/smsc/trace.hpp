// SPDX-License-Identifier: Apache-2.0
// Lines of JSON about what happens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "centre.hpp"
#include "config.hpp"

namespace drover::smsc {

/// {"event":"ready","smpp":"127.0.0.1:2775","esmes":[{"system_id":..,"number":..}],
/// "modems":[{"number":..,"device":..}]}
std::string ready_line(const Config& config, std::uint16_t port);
/// {"event":"deliver","time":1.204,"id":7,"from":..,"to":..,"pid":127,"dcs":246,"header":true,"octets":45}, with "data"
/// where asked; "segment":[reference, number, of] where a header says so (3GPP TS 23.040 §9.2.3.24.1). `since` is how
/// long it runs.
std::string event_line(const Event& event, Duration since, bool with_data);

}  // namespace drover::smsc
