// SPDX-License-Identifier: Apache-2.0
// Who may do what: the open API, tokens, roles, and where a token's text is and isn't.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "api/tokens.hpp"
#include "api_fixture.hpp"
#include "io/log.hpp"
#include "test_pki.hpp"
#include "tls_client.hpp"

namespace drover::api::test {
namespace {

constexpr UnixSeconds kNow = 1'800'000'000;

class Access : public ApiTest {
 protected:
  /// With an authority whose clock is `clock_` and whose tokens outlive the Api.
  void begin(bool require_token = false, Api::Settings settings = {}) {
    auto opened = Authority::open({.require_token = require_token, .clock = [this] { return clock_.load(); }}, table_);
    ASSERT_TRUE(opened) << opened.error().reason;
    authority_ = *opened;
    settings.authority = authority_;
    start(std::move(settings));
  }
  /// Before the server runs: afterwards the authority is its thread's.
  std::string make(const std::string& name, Role role, std::optional<UnixSeconds> expires_at = {}) {
    auto opened = Authority::open({.require_token = false, .clock = [this] { return clock_.load(); }}, table_);
    auto made = (*opened)->add(name, role, expires_at);
    EXPECT_TRUE(made) << made.error().reason;
    return made ? made->text.reveal() : "";
  }
  Reply with(const std::string& token, const std::string& method, const std::string& target,
             const std::string& body = {}) {
    token_ = token;
    return request(method, target, body);
  }
  /// The stream's status; it goes on in `client`.
  int open_stream(RawClient& client, const std::string& token) {
    const std::string field = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
    client.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n" + field + "\r\n");
    return status_of(client.read_through("\r\n\r\n"));
  }

  std::atomic<UnixSeconds> clock_{kNow};
  std::shared_ptr<store::TokenTable> table_ = std::make_shared<store::MemoryTokenTable>();
  std::shared_ptr<Authority> authority_;
};

// ---- open, and closed -----------------------------------------------------------------------------------------------

TEST_F(Access, IsOpenUntilTheFirstTokenAndClosedFromThenOn) {
  begin();
  EXPECT_EQ(get("/api/v1/status").status, 200);
  RawClient stream(port_);
  EXPECT_EQ(open_stream(stream, ""), 200);
  const Reply first = request("POST", "/api/v1/tokens", R"({"name":"ops","role":"admin"})");
  ASSERT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(first.field("Location"), "/api/v1/tokens/1");
  EXPECT_EQ(first.field("Cache-Control"), "no-store");
  const std::string token = first.json()["token"];
  EXPECT_TRUE(is_token(token)) << token;

  EXPECT_EQ(get("/api/v1/status").status, 401);
  stream.read_all();
  EXPECT_FALSE(stream.timed_out()) << "who came without a token is sent off";
  EXPECT_EQ(with(token, "GET", "/api/v1/status").status, 200);
  EXPECT_EQ(with(token, "DELETE", "/api/v1/tokens/1").status, 200);
  EXPECT_EQ(with(token, "GET", "/api/v1/status").status, 401);
  EXPECT_EQ(with("", "GET", "/api/v1/status").status, 401) << "no token is left, and the API stays closed";
  api_.reset();
  begin();
  EXPECT_EQ(get("/api/v1/status").status, 401) << "after a restart, too";
}

TEST_F(Access, RequireTokenClosesItBeforeTheFirst) {
  begin(true);
  EXPECT_EQ(get("/api/v1/status").status, 401);
  EXPECT_EQ(request("POST", "/api/v1/tokens", R"({"name":"ops","role":"admin"})").status, 401);
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/openapi.json").status, 200);
  EXPECT_EQ(get("/").status, 200) << "the console asks for a token itself";
  EXPECT_EQ(get("/api/v1/session").status, 401);
}

TEST_F(Access, TheFirstTokenMustLeaveSomebodyInCharge) {
  begin();
  for (const char* body : {R"({"name":"a","role":"read"})", R"({"name":"a","role":"operate"})",
                           R"({"name":"a","role":"admin","expires_at":1900000000})"}) {
    EXPECT_EQ(request("POST", "/api/v1/tokens", body).status, 409) << body;
  }
  EXPECT_EQ(get("/api/v1/status").status, 200) << "still open";
}

TEST_F(Access, WithTokensHostAndOriginMayBeAnything) {
  const std::string token = make("ops", Role::Admin);
  begin();
  RawClient client(port_);
  client.send("GET /api/v1/status HTTP/1.1\r\nHost: fleet.example\r\nOrigin: https://fleet.example\r\n"
              "Connection: close\r\nAuthorization: Bearer " + token + "\r\n\r\n");
  EXPECT_EQ(status_of(client.read_all()), 200);
}

TEST_F(Access, OtherAddressesNeedTlsAndAToken) {
  TestAuthority issuer("Test authority");
  const auto files = issuer.issue("DNS:localhost");
  const auto reason = [&](const std::string& listen, bool certificate, bool token) {
    auto table = std::make_shared<store::MemoryTokenTable>();
    Api::Settings settings;
    settings.authority = *Authority::open({.require_token = false, .clock = {}}, table);
    if (token) {
      EXPECT_TRUE(settings.authority->add("ops", Role::Admin, std::nullopt));
    }
    settings.listen = {listen};
    if (certificate) settings.certificate = files.certificate, settings.private_key = files.private_key;
    const auto opened = Api::open(settings, fleet_, registry_);
    return opened ? std::string() : opened.error().reason;
  };
  const std::string neither = reason("0.0.0.0:0", false, false);
  EXPECT_NE(neither.find("api.certificate"), std::string::npos) << neither;
  EXPECT_NE(neither.find("--add-token"), std::string::npos) << neither;
  const std::string no_token = reason("0.0.0.0:0", true, false);
  EXPECT_EQ(no_token.find("api.certificate"), std::string::npos) << no_token;
  EXPECT_NE(no_token.find("--add-token"), std::string::npos) << no_token;
  const std::string no_tls = reason("[::]:0", false, true);
  EXPECT_NE(no_tls.find("api.certificate"), std::string::npos) << no_tls;
  EXPECT_EQ(no_tls.find("--add-token"), std::string::npos) << no_tls;
  EXPECT_NE(reason("http://0.0.0.0:0", true, true).find("https only"), std::string::npos);
  EXPECT_NE(reason("https://127.0.0.1:0", false, true).find("api.certificate"), std::string::npos);
  EXPECT_EQ(reason("127.0.0.1:0", false, true), "");
}

// ---- roles ----------------------------------------------------------------------------------------------------------

/// The target of a route with its variable parts filled in.
std::string target_of(const RouteView& route) {
  std::string target = route.path;
  const auto fill = [&](const std::string& part, const std::string& with) {
    if (const auto at = target.find(part); at != std::string::npos) target.replace(at, part.size(), with);
  };
  fill("{endpoint}", kEndpoint);
  fill("{path}", "3/0/1");
  fill("{id}", "9");
  return target;
}

TEST_F(Access, EachRouteWithEachRole) {
  std::vector<std::pair<std::optional<Role>, std::string>> callers = {{std::nullopt, ""}};
  for (const Role role : {Role::Admin, Role::Operate, Role::Read}) callers.emplace_back(role, make(to_string(role), role));
  begin();
  fleet_.answer_with(content(0, {'1'}));
  std::set<std::string> let_in;
  for (const auto& route : Api::routes()) {
    for (const auto& [role, token] : callers) {
      SCOPED_TRACE(route.method + " " + route.path + " as " + (role ? to_string(*role) : "nobody"));
      RawClient client(port_);
      const std::string field = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
      client.send(route.method + " " + target_of(route) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + field +
                  "\r\n");
      const std::string head = client.read_through("\r\n\r\n");
      const int status = status_of(head);
      const bool challenged = head.find("\r\nWWW-Authenticate: Bearer realm=\"drover\"") != std::string::npos;
      const bool may = !route.role || (role && *role >= *route.role);
      EXPECT_EQ(challenged, !may) << head;
      if (may) {
        let_in.insert(route.method + " " + route.path);
        EXPECT_NE(status, 401);
        EXPECT_NE(status, 403);
        continue;
      }
      EXPECT_EQ(status, role ? 403 : 401);
      EXPECT_NE(head.find("\r\nContent-Type: application/problem+json\r\n"), std::string::npos) << head;
      const Json problem = Json::parse(client.read_all(), nullptr, false);
      EXPECT_EQ(problem["type"], role ? "urn:drover:problem:forbidden" : "urn:drover:problem:unauthorized");
      EXPECT_EQ(problem["status"], status);
      if (role) {
        const std::string scope = std::string("scope=\"") + to_string(*route.role) + "\"";
        EXPECT_NE(head.find("error=\"insufficient_scope\", " + scope), std::string::npos) << head;
      }
    }
  }
  EXPECT_EQ(let_in.size(), Api::routes().size());
}

TEST_F(Access, OnlyWhoMayReadLearnsWhatThereIs) {
  const std::string token = make("ops", Role::Admin);
  begin();
  EXPECT_EQ(get("/api/v1/nothing").status, 401);
  EXPECT_EQ(request("POST", "/healthz").status, 401);
  EXPECT_EQ(get("/%zz").status, 401);
  EXPECT_EQ(with(token, "GET", "/api/v1/nothing").status, 404);
  EXPECT_EQ(with(token, "POST", "/healthz").status, 405);
  EXPECT_EQ(with(token, "GET", "/%zz").status, 400);
}

TEST_F(Access, ABodyIsNotWaitedForBeforeTheTokenIsSeen) {
  make("ops", Role::Admin);
  begin();
  RawClient client(port_);
  client.send("PUT " + device("/resources/3/0/1") + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n");
  const std::string answer = client.read_through("}");
  EXPECT_EQ(status_of(answer), 401);
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
}

TEST_F(Access, ARefusedConnectionServesTheNextRequest) {
  const std::string token = make("ops", Role::Admin);
  begin();
  RawClient client(port_);
  client.send("GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status_of(client.read_through("}")), 401);
  client.send("GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: bearer  " + token + "\r\n\r\n");
  EXPECT_EQ(status_of(client.read_through("\r\n\r\n")), 200) << "the scheme's case doesn't matter";
}

TEST_F(Access, AuthorizationThatIsNoTokenGets401) {
  const std::string token = make("ops", Role::Admin);
  begin();
  std::string other = token;
  other.back() = other.back() == 'A' ? 'E' : 'A';
  for (const std::string& value : {"Bearer " + other, "Bearer " + token + "A", "Bearer " + token.substr(1), "Bearer " + token + " x",
                                   "Basic " + token, token, std::string("Bearer"), std::string("Bearer "), std::string(),
                                   "Bearer " + token + "\r\nAuthorization: Bearer " + token,
                                   "Bearer " + std::string(8000, 'x')}) {
    RawClient client(port_);
    client.send("GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: " + value +
                "\r\n\r\n");
    const std::string answer = client.read_all();
    EXPECT_EQ(status_of(answer), 401) << value;
    EXPECT_NE(answer.find("error=\"invalid_token\""), std::string::npos) << answer;
  }
  EXPECT_EQ(get("/api/v1/status?access_token=" + token).status, 401) << "URLs end up in logs and histories";
}

// ---- time -----------------------------------------------------------------------------------------------------------

TEST_F(Access, AnExpiredTokenIsToldSoAndItsStreamEndsWithTheNextKeepAlive) {
  make("ops", Role::Admin);
  const std::string token = make("dashboard", Role::Read, kNow + 60);
  Api::Settings quick;
  quick.http.keep_alive_wait = std::chrono::milliseconds(20);
  begin(false, quick);
  RawClient stream(port_);
  EXPECT_EQ(open_stream(stream, token), 200);
  EXPECT_NE(stream.read_through(": keep-alive\n\n"), "");
  clock_ = kNow + 60;
  stream.read_all();
  EXPECT_FALSE(stream.timed_out());
  const Reply refused = with(token, "GET", "/api/v1/status");
  EXPECT_EQ(refused.status, 401);
  EXPECT_NE(refused.field("WWW-Authenticate").find("the token has expired"), std::string::npos);
}

TEST_F(Access, ARemovedTokensStreamEndsAtOnce) {
  const std::string admin = make("ops", Role::Admin);
  const std::string reader = make("dashboard", Role::Read);
  Api::Settings slow;
  slow.http.keep_alive_wait = std::chrono::hours(1);
  begin(false, slow);
  RawClient removed(port_);
  RawClient kept(port_);
  EXPECT_EQ(open_stream(removed, reader), 200);
  EXPECT_EQ(open_stream(kept, admin), 200);
  EXPECT_NE(removed.read_through(": connected\n\n"), "");
  EXPECT_EQ(with(admin, "DELETE", "/api/v1/tokens/2").status, 200);
  EXPECT_EQ(removed.read_all(), "");
  EXPECT_FALSE(removed.timed_out());
  fleet_.emit(server::EventKind::Expired, "later");
  EXPECT_NE(kept.read_through("later"), "");
}

TEST_F(Access, TheLastUseIsShownToTheMinuteAndStoredByTheHour) {
  const std::string token = make("ops", Role::Admin);
  begin();
  const auto shown = [&] { return with(token, "GET", "/api/v1/tokens").json()["tokens"][0]["last_used_at"]; };
  EXPECT_EQ(shown(), kNow / 60 * 60);
  clock_ = kNow + 61;
  EXPECT_EQ(shown(), (kNow + 61) / 60 * 60);
  api_.reset();  // the table is its thread's
  EXPECT_EQ(table_->all()->front().last_used_at, kNow / 60 * 60);
  clock_ = kNow + 3661;
  begin();
  EXPECT_EQ(shown(), (kNow + 3661) / 60 * 60);
  api_.reset();
  EXPECT_EQ(table_->all()->front().last_used_at, (kNow + 3661) / 60 * 60);
}

// ---- the routes themselves ------------------------------------------------------------------------------------------

TEST_F(Access, TokensAreListedWithoutTheirTextsAndHashes) {
  const std::string admin = make("ops", Role::Admin);
  begin();
  const Reply made = with(admin, "POST", "/api/v1/tokens", R"({"name":"ci","role":"operate","expires_at":1800000060})");
  ASSERT_EQ(made.status, 201) << made.body;
  const Json list = with(admin, "GET", "/api/v1/tokens").json();
  ASSERT_EQ(list["tokens"].size(), 2u);
  EXPECT_EQ(list["tokens"][1], Json::parse(R"({"id":2,"name":"ci","role":"operate","created_at":1800000000,
                                               "expires_at":1800000060,"last_used_at":null})"));
  EXPECT_EQ(list.dump().find(kTokenPrefix), std::string::npos);
  EXPECT_EQ(with(made.json()["token"], "GET", "/api/v1/devices").status, 200);
}

TEST_F(Access, WrongBodiesAreNamedWithoutRepeatingThem) {
  const std::string admin = make("ops", Role::Admin);
  begin();
  const std::pair<std::string, int> kCases[] = {
      {R"({"name":"ops","role":"read"})", 409},        {R"({"name":"","role":"read"})", 400},
      {R"({"role":"read"})", 400},                     {R"({"name":"a"})", 400},
      {R"({"name":"a","role":"root"})", 400},          {R"({"name":7,"role":"read"})", 400},
      {R"({"name":"a\nb","role":"read"})", 409},       {"{\"name\":\"" + std::string(65, 'x') + R"(","role":"read"})", 409},
      {R"({"name":"a","role":"read","x":1})", 400},    {R"({"name":"a","role":"read","expires_at":1.5})", 400},
      {R"({"name":"a","role":"read","expires_at":1})", 409}, {"[]", 400},
      {"{", 400}};
  for (const auto& [body, status] : kCases) EXPECT_EQ(with(admin, "POST", "/api/v1/tokens", body).status, status) << body;
  const Reply mistaken = with(admin, "POST", "/api/v1/tokens", "{\"" + admin + "\":1}");
  EXPECT_EQ(mistaken.body.find(admin), std::string::npos);
  token_ = admin;
  EXPECT_EQ(request("POST", "/api/v1/tokens", "name=a", "application/x-www-form-urlencoded").status, 415);
  for (const char* id : {"0", "7", "x", "-1", "99999999999999999999"}) {
    EXPECT_EQ(request("DELETE", std::string("/api/v1/tokens/") + id).status, 404) << id;
  }
}

/// What was logged while it lives.
class LogCapture {
 public:
  LogCapture() {
    std::string pattern = "/tmp/drover-log-XXXXXX";
    fd_ = ::mkstemp(pattern.data());
    file_ = pattern;
    io::log::configure(io::log::Level::Debug, io::log::Form::Text, fd_);
  }
  ~LogCapture() {
    io::log::configure(io::log::Level::Info, io::log::Form::Text);
    ::close(fd_);
    ::unlink(file_.c_str());
  }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  [[nodiscard]] std::string text() const {
    std::ostringstream text;
    text << std::ifstream(file_).rdbuf();
    return text.str();
  }

 private:
  int fd_ = -1;
  std::string file_;
};

TEST_F(Access, NoTokenIsInALogOrAnyOtherAnswer) {
  const LogCapture log;
  const std::string admin = make("ops", Role::Admin);
  begin();
  const Reply made = with(admin, "POST", "/api/v1/tokens", R"({"name":"ci","role":"read"})");
  const std::string reader = made.json()["token"];
  std::string unknown = reader;
  std::swap(unknown[10], unknown[20]);
  std::string answers;
  for (const std::string& token : {admin, reader, unknown}) {
    for (const std::string& target : {std::string("/api/v1/tokens"), std::string("/api/v1/status"), "/x/" + device(""),
                                      std::string("/api/v1/devices?a=b")}) {
      const Reply reply = with(token, "GET", target);
      answers += reply.head + reply.body;
    }
  }
  answers += with(admin, "DELETE", "/api/v1/tokens/2").body;
  api_->stop();
  const std::string logged = log.text();
  EXPECT_NE(logged.find("token added"), std::string::npos) << logged;
  EXPECT_NE(logged.find("API token refused"), std::string::npos) << logged;
  EXPECT_NE(logged.find("token removed"), std::string::npos) << logged;
  for (const std::string& token : {admin, reader, unknown}) {
    // Half of one would be bad enough.
    EXPECT_EQ(logged.find(token.substr(kTokenPrefix.size(), 20)), std::string::npos);
    EXPECT_EQ(answers.find(token.substr(kTokenPrefix.size(), 20)), std::string::npos);
  }
}

TEST_F(Access, WhoTriesManyTokensFillsNoLog) {
  const LogCapture log;  // before other threads
  make("ops", Role::Admin);
  begin();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(with("drover_" + std::string(43, 'x'), "GET", "/api/v1/status").status, 401);
  api_->stop();
  const std::string logged = log.text();
  EXPECT_LE(std::count(logged.begin(), logged.end(), '\n'), 5) << "one in ten seconds: " << logged;
}

// ---- pieces ---------------------------------------------------------------------------------------------------------

TEST(Tokens, AreRandomAndHashedAsAWhole) {
  const auto one = make_token();
  const auto two = make_token();
  EXPECT_NE(one->reveal(), two->reveal());
  EXPECT_TRUE(is_token(one->reveal()));
  EXPECT_FALSE(is_token("drover_" + std::string(42, 'a')));
  EXPECT_FALSE(is_token("drover_" + std::string(42, 'a') + "+"));
  EXPECT_FALSE(is_token("Drover_" + std::string(43, 'a')));
  // FIPS 180-4, its example "abc".
  EXPECT_EQ(to_hex(hash_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  auto hash = hash_of("abc");
  EXPECT_TRUE(same_hash(hash, hash_of("abc")));
  hash.back() ^= 1;
  EXPECT_FALSE(same_hash(hash, hash_of("abc")));
}

/// A disk on which nothing can be written.
class FullTable final : public store::TokenTable {
 public:
  static tl::unexpected<Error> full() { return tl::unexpected(Error{Fault::Environment, 0, "disk full"}); }
  Result<std::vector<store::Token>> all() override { return tokens; }
  Result<std::uint64_t> add(const store::Token&) override { return full(); }
  Result<bool> remove(std::uint64_t) override { return full(); }
  Result<void> note_use(std::uint64_t, UnixSeconds) override { return full(); }
  Result<bool> had_any() override { return true; }
  std::vector<store::Token> tokens;
};

TEST(AuthorityOnAFullDisk, LetsInWhoIsKnownAndChangesNothing) {
  auto table = std::make_shared<FullTable>();
  const auto text = make_token();
  table->tokens = {{1, "ops", Role::Admin, hash_of(text->reveal()), kNow}};
  const auto authority = *Authority::open({.require_token = false, .clock = [] { return kNow; }}, table);
  const auto caller = authority->authenticate({"Bearer " + text->reveal()});
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->token, 1u);
  EXPECT_EQ(authority->add("other", Role::Read, std::nullopt).error().fault, Fault::Environment);
  EXPECT_FALSE(authority->remove(1));
  EXPECT_TRUE(authority->holds(*caller));
  EXPECT_EQ(authority->tokens().size(), 1u);
}

// ---- how much of one caller -----------------------------------------------------------------------------------------

TEST_F(Access, OneTokenCantTakeAnothersShare) {
  const std::string greedy = make("greedy", Role::Admin), other = make("other", Role::Read);
  Api::Settings settings;
  settings.rate = 1;
  settings.burst = 5;
  begin(false, std::move(settings));
  int allowed = 0;
  Reply last;
  for (int i = 0; i < 20; ++i) {
    last = with(greedy, "GET", "/api/v1/status");
    if (last.status != 200) break;
    ++allowed;
  }
  EXPECT_GE(allowed, 5);
  EXPECT_LE(allowed, 19) << "a machine that takes seconds for this may allow a few more";
  EXPECT_EQ(last.status, 429);
  EXPECT_EQ(last.json()["type"], "urn:drover:problem:too-many-requests");
  EXPECT_EQ(last.field("Retry-After"), "1");
  EXPECT_EQ(with(other, "GET", "/api/v1/status").status, 200);
  EXPECT_EQ(with("", "GET", "/healthz").status, 200) << "liveness has no caller";
}

}  // namespace
}  // namespace drover::api::test
