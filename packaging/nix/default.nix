# A derivation of the tracker: `nix-build`, or callPackage in an overlay. Parsed by nix-instantiate, not built: there
# was no nixpkgs to build it with, and librt and gzip-stream may be missing in it.
#
#   nix-build -E 'with import <nixpkgs> { }; callPackage ./packaging/nix { withAccesslistWhite = true; }'
#
# The arguments are made of features.toml. `constants` are its numbers: { OT_PEER_TIMEOUT = 60; }.
{
  lib,
  python3Packages,
  constants ? { },
  # arguments: made of features.toml by packaging/options
  # an IPv6-only tracker
  withV6 ? false,
  # an IPv4-only tracker
  withV4Only ? false,
  # refuse listed torrents: -b, access.blacklist
  withAccesslistBlack ? false,
  # serve listed torrents only: -w, access.whitelist
  withAccesslistWhite ? false,
  # add to the access list and delete from it through FIFOs
  withDynamicAccesslist ? false,
  # serve requests with a known key in their URL only: access.keys
  withAuthKeys ? false,
  # serve approved client software only: access.client_allow, access.client_deny
  withClientApproval ? false,
  # full scrapes, mode=tpbs, mode=statedump
  withFullscrape ? true,
  # at most one full scrape for each address in OT_MODEST_PEER_TIMEOUT
  withModestFullscrapes ? false,
  # gzip full scrapes for clients that accept it
  withCompressionGzip ? false,
  # gzip full scrapes whatever the client says
  withCompressionGzipAlways ? false,
  # zstd full scrapes for clients that accept it
  withCompressionZstd ? false,
  # zstd full scrapes whatever the client says
  withCompressionZstdAlways ? false,
  # state files that hold the peers too
  withFullState ? true,
  # the live sync cluster
  withSyncLive ? false,
  # the old scrape sync beside live sync
  withSyncScrape ? false,
  # python -m opentracker.bridge: live sync between sites over NATS
  withSyncBridge ? false,
  # statistics for blessed addresses only
  withRestrictStats ? false,
  # format=json for every statistics mode
  withStatsJson ? true,
  # mode=prometheus
  withStatsPrometheus ? true,
  # mode=html, a page for people
  withStatsHtml ? true,
  # count connections by network: mode=busy
  withLogNetworks ? false,
  # log the raw requests of chosen networks: mode=fulllog
  withFulllogNetworks ? false,
  # count the numwant values asked for: mode=numwants
  withLogNumwant ? false,
  # count newcomers by client software: mode=clients
  withClientCount ? false,
  # find networks that renew too fast: mode=woodpeckers
  withSpotWoodpecker ? false,
  # a control socket for the operator: control.socket, opentracker.control
  withControl ? false,
  # log to syslog, an entry for every completed download
  withSyslogs ? false,
  # believe ip= in an announce (for tests and closed networks)
  withIpFromQueryString ? false,
  # believe X-Forwarded-For or Forwarded of trusted proxies
  withIpFromProxy ? false,
  # believe the PROXY protocol of trusted proxies, and Cloudflare's simple one over UDP
  withProxyProtocol ? false,
  # networks that are not served: access.deny
  withDeny ? true,
  # HTTP keep-alive and pipelining
  withKeepalive ? false,
  # HTTPS: listen.tls
  withTls ? false,
  # browsers as peers, over WebSockets
  withWebtorrent ? false,
  # limits on torrents, peers and memory
  withMaxPeer ? true,
  # unroutable addresses are never listed
  withBogonFilter ? false,
  # listen.workers: several processes, which own a share of the torrents each
  withWorkers ? true,
  # tracker.upgrade: at SIGUSR2 the installed version takes over, and nothing is lost
  withUpgrade ? true,
  # tell clients their address (BEP 24), when to try again after a failure (BEP 31), and the downloaders of a torrent (BEP 21)
  withExtendedAnswers ? false,
  # compile the hot modules with mypyc
  withCompiled ? false,
  # end of arguments
}:

# rules: made of features.toml by packaging/options
assert !(withV6 && withV4Only);
assert !(withAccesslistBlack && withAccesslistWhite);
assert !(withCompressionGzipAlways && withCompressionZstdAlways);
assert withDynamicAccesslist -> (withAccesslistBlack || withAccesslistWhite);
assert withModestFullscrapes -> (withFullscrape);
assert withCompressionGzip -> (withFullscrape);
assert withCompressionGzipAlways -> (withCompressionGzip);
assert withCompressionZstd -> (withFullscrape);
assert withCompressionZstdAlways -> (withCompressionZstd);
assert withFullState -> (withFullscrape);
assert withSyncScrape -> (withSyncLive);
assert withSyncBridge -> (withSyncLive);
assert withProxyProtocol -> (withIpFromProxy);
assert withUpgrade -> (withWorkers);
assert withUpgrade -> (withFullState);
# end of rules

let
  choice = value: if value then "1" else "0";
in
python3Packages.buildPythonApplication {
  pname = "opentracker";
  version = "0.1.0";
  pyproject = true;
  src = ../..;

  build-system = [
    python3Packages.hatchling
  ]
  ++ lib.optionals withCompiled [
    python3Packages.mypy
    python3Packages.setuptools
  ];

  dependencies = [
    python3Packages.librt
    python3Packages.mypy-extensions
  ]
  ++ lib.optional withCompressionGzip python3Packages.gzip-stream
  ++ lib.optional (
    withCompressionZstd && python3Packages.pythonOlder "3.14"
  ) python3Packages.backports-zstd
  ++ lib.optional withSyncBridge python3Packages.nats-py;

  env = {
    # environment: made of features.toml by packaging/options
    WANT_V6 = choice withV6;
    WANT_V4_ONLY = choice withV4Only;
    WANT_ACCESSLIST_BLACK = choice withAccesslistBlack;
    WANT_ACCESSLIST_WHITE = choice withAccesslistWhite;
    WANT_DYNAMIC_ACCESSLIST = choice withDynamicAccesslist;
    WANT_AUTH_KEYS = choice withAuthKeys;
    WANT_CLIENT_APPROVAL = choice withClientApproval;
    WANT_FULLSCRAPE = choice withFullscrape;
    WANT_MODEST_FULLSCRAPES = choice withModestFullscrapes;
    WANT_COMPRESSION_GZIP = choice withCompressionGzip;
    WANT_COMPRESSION_GZIP_ALWAYS = choice withCompressionGzipAlways;
    WANT_COMPRESSION_ZSTD = choice withCompressionZstd;
    WANT_COMPRESSION_ZSTD_ALWAYS = choice withCompressionZstdAlways;
    WANT_FULL_STATE = choice withFullState;
    WANT_SYNC_LIVE = choice withSyncLive;
    WANT_SYNC_SCRAPE = choice withSyncScrape;
    WANT_SYNC_BRIDGE = choice withSyncBridge;
    WANT_RESTRICT_STATS = choice withRestrictStats;
    WANT_STATS_JSON = choice withStatsJson;
    WANT_STATS_PROMETHEUS = choice withStatsPrometheus;
    WANT_STATS_HTML = choice withStatsHtml;
    WANT_LOG_NETWORKS = choice withLogNetworks;
    WANT_FULLLOG_NETWORKS = choice withFulllogNetworks;
    WANT_LOG_NUMWANT = choice withLogNumwant;
    WANT_CLIENT_COUNT = choice withClientCount;
    WANT_SPOT_WOODPECKER = choice withSpotWoodpecker;
    WANT_CONTROL = choice withControl;
    WANT_SYSLOGS = choice withSyslogs;
    WANT_IP_FROM_QUERY_STRING = choice withIpFromQueryString;
    WANT_IP_FROM_PROXY = choice withIpFromProxy;
    WANT_PROXY_PROTOCOL = choice withProxyProtocol;
    WANT_DENY = choice withDeny;
    WANT_KEEPALIVE = choice withKeepalive;
    WANT_TLS = choice withTls;
    WANT_WEBTORRENT = choice withWebtorrent;
    WANT_MAX_PEER = choice withMaxPeer;
    WANT_BOGON_FILTER = choice withBogonFilter;
    WANT_WORKERS = choice withWorkers;
    WANT_UPGRADE = choice withUpgrade;
    WANT_EXTENDED_ANSWERS = choice withExtendedAnswers;
    WANT_COMPILED = choice withCompiled;
    # end of environment
    OPENTRACKER_SERVICE = "systemd";
  }
  // lib.mapAttrs (_: toString) constants;

  # systemd's command is a path in the store.
  postInstall = ''
    substituteInPlace $out/lib/systemd/system/opentracker.service \
      --replace-fail /usr/bin/opentracker $out/bin/opentracker
  '';

  # The tests need an installed build of their own: tox runs them for every variant.
  doCheck = false;

  meta = {
    description = "BitTorrent tracker whose features are chosen when it is built";
    license = lib.licenses.mit;
    mainProgram = "opentracker";
    platforms = lib.platforms.unix;
  };
}
