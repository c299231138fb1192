// SPDX-License-Identifier: Apache-2.0
#include "api_fixture.hpp"

#include <nlohmann/json.hpp>

namespace drover::api::test {

Json Reply::json() const {
  return Json::parse(body, nullptr, false);
}

std::string Reply::field(const std::string& name) const {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t start = at + 2 + name.size() + 2;
  return head.substr(start, head.find("\r\n", start) - start);
}

lwm2m::model::ObjectDefinition object_definition(lwm2m::ObjectId id, lwm2m::Version version) {
  using lwm2m::DataType;
  lwm2m::model::ObjectDefinition object;
  object.id = id;
  object.version = version;
  object.name = "Test object";
  object.urn = "urn:oma:lwm2m:x:" + std::to_string(id);
  object.multiple = true;
  object.description = "One resource of every type.";
  const auto add = [&](lwm2m::ResourceId resource, DataType type, bool multiple, bool execute) {
    lwm2m::model::ResourceDefinition definition;
    definition.id = resource;
    definition.name = std::string("R") + std::to_string(resource);
    definition.operations = {!execute, !execute, execute};
    definition.multiple = multiple;
    definition.type = type;
    object.resources.push_back(definition);
  };
  add(0, DataType::String, false, false);
  add(1, version.minor == 0 ? DataType::Integer : DataType::Float, false, false);
  add(2, DataType::Float, false, false);
  add(3, DataType::Boolean, false, false);
  add(4, DataType::Opaque, false, false);
  add(5, DataType::Time, false, false);
  add(6, DataType::ObjectLink, false, false);
  add(7, DataType::Integer, true, false);
  add(8, DataType::None, false, true);
  return object;
}

server::DeviceView device_view(const std::string& endpoint) {
  server::DeviceView view;
  view.endpoint = endpoint;
  view.scheme = "os";
  view.registration = "rd/1";
  view.address = transport::PeerAddress::v4(0x7F000001, 40000);
  view.version = "1.0";
  view.binding = "U";
  view.lifetime = 300;
  view.registered_at = 1'700'000'000;
  view.updated_at = 1'700'000'010;
  view.expires_at = 1'700'000'310;
  view.announcement.objects = {{3, std::nullopt, {0}}, {4, lwm2m::Version{1, 1}, {0}}, {99, std::nullopt, {0}}};
  return view;
}

ApiTest::ApiTest() {
  for (const lwm2m::ObjectId id : {lwm2m::ObjectId{3}, lwm2m::ObjectId{4}}) {
    EXPECT_TRUE(registry_.add(object_definition(id, {1, 0})));
    EXPECT_TRUE(registry_.add(object_definition(id, {1, 1})));
  }
  fleet_.add(device_view(kEndpoint));
}

void ApiTest::start(Api::Settings settings) {
  settings.listen = {"127.0.0.1:0"};
  settings.version = "0.0-test";
  settings.started_at = 1'700'000'000;
  auto opened = Api::open(settings, fleet_, registry_);
  ASSERT_TRUE(opened) << opened.error().reason;
  api_.emplace(std::move(*opened));
  const std::string address = api_->addresses().front();
  port_ = std::stoi(address.substr(address.rfind(':') + 1));
  api_->start();
}

void ApiTest::TearDown() {
  if (api_) api_->stop();
}

Reply ApiTest::request(const std::string& method, const std::string& target, const std::string& body,
                       const std::string& content_type) {
  if (!api_) start();
  RawClient client(port_);
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  if (!token_.empty()) text += "Authorization: Bearer " + token_ + "\r\n";
  if (!body.empty()) {
    text += "Content-Type: " + content_type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  client.send(text + "\r\n" + body);
  const std::string answer = client.read_all();
  Reply reply;
  reply.status = status_of(answer);
  const std::size_t end = answer.find("\r\n\r\n");
  reply.head = answer.substr(0, end);
  if (end != std::string::npos) reply.body = answer.substr(end + 4);
  return reply;
}

std::string ApiTest::device(const std::string& rest) {
  return std::string("/api/v1/devices/") + kEndpoint + rest;
}

}  // namespace drover::api::test
