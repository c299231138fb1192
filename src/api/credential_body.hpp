// SPDX-License-Identifier: Apache-2.0
// Bodies of the credential routes, made what the store takes, and back: see docs/openapi.json. For api/ alone.
#pragma once

#include "api/call.hpp"
#include "api/members.hpp"
#include "store/credential.hpp"

namespace drover::api {

/// No problem repeats what it found: a misplaced value may be a key.
tl::expected<Asked<store::NewCredential>, Problem> new_credential_body(const http::Request& request);
/// `kind` is the other credential's.
tl::expected<Asked<store::Rotation>, Problem> rotation_body(const http::Request& request, store::IdentityKind kind);
tl::expected<store::CredentialChange, Problem> change_body(const http::Request& request);

/// `Credential` of docs/openapi.json.
Json to_json(const store::Credential& credential);
Problem to_problem(const store::Refusal& refusal);

}  // namespace drover::api
