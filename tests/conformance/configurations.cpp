// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/configurations.hpp"

#include <utility>

namespace drover::conformance {

namespace {

/// SRV-MIN of the accounts of all servers.
void add_accounts(Site& site, const Configuration& configuration) {
  for (std::size_t i = 0; i < configuration.servers.size(); ++i) {
    site.account(configuration.servers[i], 86400);
    site.set("/1/" + std::to_string(i) + "/6", false);
  }
}

/// What makes SRV-EXT of SRV-MIN.
void add_periods(Site& site, std::size_t instances) {
  for (std::size_t i = 0; i < instances; ++i) {
    const std::string server = "/1/" + std::to_string(i);
    site.set(server + "/2", std::int64_t{1});
    site.set(server + "/3", std::int64_t{10});
    site.set(server + "/5", std::int64_t{86400});
  }
}

/// DEV-MIN.
void add_device(Site& site) {
  site.add(3, 0);
  site.set("/3/0/0", std::string(kManufacturer));
  site.set("/3/0/1", std::string(kModel));
  site.set("/3/0/2", std::string(kSerial));
  site.set("/3/0/3", std::string(kFirmware));
  site.set("/3/0/11/0", std::int64_t{0});
  site.set("/3/0/16", std::string("U"));
}

void add_power(Site& site) {
  site.set("/3/0/6/0", std::int64_t{1});
  site.set("/3/0/6/1", std::int64_t{5});
  site.set("/3/0/7/0", std::int64_t{3800});
  site.set("/3/0/7/1", std::int64_t{5000});
  site.set("/3/0/8/0", std::int64_t{125});
  site.set("/3/0/8/1", std::int64_t{900});
  site.set("/3/0/9", std::int64_t{100});
}

}  // namespace

Configuration with(Configuration configuration, std::function<void(Site&)> more) {
  configuration.factory = [before = std::move(configuration.factory), more = std::move(more)](Site& site) {
    before(site);
    more(site);
  };
  return configuration;
}

namespace {

Configuration minimum(std::vector<client::ServerId> servers = {1}) {
  Configuration configuration;
  configuration.settings.endpoint = kEndpoint;
  configuration.servers = std::move(servers);
  configuration.factory = [configuration](Site& site) {
    site.define(0);
    site.define(1);
    site.define(3);
    add_accounts(site, configuration);
    add_device(site);
  };
  return configuration;
}

Configuration extended(std::vector<client::ServerId> servers = {1}) {
  const std::size_t count = servers.size();
  return with(minimum(std::move(servers)), [count](Site& site) { add_periods(site, count); });
}

}  // namespace

Configuration c1() {
  return minimum();
}

Configuration c3() {
  return extended();
}

Configuration c4() {
  return with(c3(), add_power);
}

Configuration c5() {
  return with(c3(), [](Site& site) {
    site.define(4);
    site.add(4, 0);
    site.set("/4/0/0", std::int64_t{21});
    site.set("/4/0/1/0", std::int64_t{21});
    site.set("/4/0/1/1", std::int64_t{41});
    site.set("/4/0/2", std::int64_t{92});
    site.set("/4/0/3", std::int64_t{2});
    site.set("/4/0/4/0", std::string("192.168.148.154"));
    site.set("/4/0/4/1", std::string("2001:db8::154"));
    site.set("/4/0/5/0", std::string("192.168.148.1"));
    site.set("/4/0/5/1", std::string("2001:db8::1"));
    site.set("/4/0/6", std::int64_t{5});
    site.set("/4/0/7/0", std::string("web.inet"));
    site.set("/4/0/7/1", std::string("iot.inet"));
    site.set("/4/0/8", std::int64_t{1});
    site.set("/4/0/9", std::int64_t{26});
    site.set("/4/0/10", std::int64_t{262});
  });
}

Configuration c6() {
  return with(c4(), [](Site& site) {
    site.set("/3/0/10", std::int64_t{15});
    site.set("/3/0/13", lwm2m::Time{1367491215});
    site.set("/3/0/14", std::string("+02:00"));
    site.set("/3/0/15", std::string("Europe/Berlin"));
    site.set("/3/0/17", std::string("Demo"));
    site.set("/3/0/18", std::string("1.0.1"));
    site.set("/3/0/19", std::string("1.0.2"));
    site.set("/3/0/20", std::int64_t{1});
    site.set("/3/0/21", std::int64_t{20});
    site.set("/3/0/22/0", lwm2m::ObjectLink{3, 0});
  });
}

Configuration c7() {
  return with(c3(), [](Site& site) {
    site.define(6);
    site.add(6, 0);
    site.set("/6/0/0", 43.5723);
    site.set("/6/0/1", 153.21760);
    site.set("/6/0/2", 140.0);
    site.set("/6/0/3", 100.0);
    site.set("/6/0/4", lwm2m::Opaque{{0x01, 0x02, 0x03}});
    site.set("/6/0/5", lwm2m::Time{1367491215});
    site.set("/6/0/6", 3.0);
  });
}

Configuration c9() {
  return with(c3(), [](Site& site) {
    site.define(7);
    site.add(7, 0);
    for (const int resource : {0, 1, 2, 3, 4, 5, 8}) site.set("/7/0/" + std::to_string(resource), std::int64_t{0});
  });
}

Configuration c12() {
  return with(c3(), [](Site& site) {
    site.define(16);
    site.add(16, 0);
    const char* const identity[] = {"Host Device ID #1", "Host Device Manufacturer #1", "Host Device Model #1",
                                    "Host Device Software Version #1"};
    for (int i = 0; i < 4; ++i) site.set("/16/0/0/" + std::to_string(i), std::string(identity[i]));
  });
}

Configuration c14() {
  return with(extended({1, 2}), [](Site& site) {
    constexpr std::int64_t kFullAccess = 15;  // R, W, E, D
    constexpr std::int64_t kNobody = 65535;   // MAX_ID
    // The account of a Bootstrap-Server; nothing is sent there.
    site.add(0, 2);
    site.set("/0/2/0", std::string("coap://192.0.2.99"));
    site.set("/0/2/1", true);
    site.set("/0/2/2", std::int64_t{3});
    site.define(2);
    struct Entry {
      std::int64_t object, instance, server, owner;
    };
    const Entry entries[] = {{1, 0, 1, 1}, {1, 1, 2, 2}, {3, 0, 2, kNobody}};
    lwm2m::InstanceId id = 0;
    for (const Entry& entry : entries) {
      const std::string path = "/2/" + std::to_string(id);
      site.add(2, id++);
      site.set(path + "/0", entry.object);
      site.set(path + "/1", entry.instance);
      site.set(path + "/2/" + std::to_string(entry.server), kFullAccess);
      site.set(path + "/3", entry.owner);
    }
  });
}

Configuration with_thermometer(std::vector<client::ServerId> servers) {
  const bool several = servers.size() > 1;
  return with(minimum(std::move(servers)), [several](Site& site) {
    site.define(3303);
    site.add(3303, 0);
    site.set("/3303/0/5700", 20.0);
    if (!several) return;
    // With several servers, each needs the right to read (Core §7.1.2.1): all of them have it here.
    site.define(2);
    site.add(2, 0);
    site.set("/2/0/0", std::int64_t{3303});
    site.set("/2/0/1", std::int64_t{0});
    site.set("/2/0/2/0", std::int64_t{1});
    site.set("/2/0/3", std::int64_t{65535});
  });
}

Configuration specification_device() {
  return with(c4(), [](Site& site) {
    site.set("/3/0/10", std::int64_t{15});
    site.set("/3/0/13", lwm2m::Time{0x5182428F});
    site.set("/3/0/14", std::string("+02:00"));
  });
}

}  // namespace drover::conformance
