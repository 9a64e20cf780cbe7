# Copyright 2026 the opentracker developers
# Distributed under the terms of the MIT License

# Not built: there was no Gentoo to build it on. The tables of USE flags are made of features.toml. acct-user/opentracker
# and acct-group/opentracker are to be made with it; dev-python/librt and dev-python/gzip-stream may be missing.

EAPI=8

DISTUTILS_EXT=1
DISTUTILS_USE_PEP517=hatchling
PYTHON_COMPAT=( python3_{11..14} )

inherit distutils-r1 systemd tmpfiles

DESCRIPTION="BitTorrent tracker whose features are chosen when it is built"
HOMEPAGE="https://pypi.org/project/opentracker/"
SRC_URI="${P}.tar.gz"

LICENSE="MIT"
SLOT="0"
KEYWORDS="~amd64 ~arm64"
RESTRICT="fetch"

# use: made of features.toml by packaging/options
IUSE="
	v6 v4-only accesslist-black accesslist-white dynamic-accesslist auth-keys client-approval
	+fullscrape modest-fullscrapes compression-gzip compression-gzip-always compression-zstd
	compression-zstd-always +full-state sync-live sync-scrape sync-bridge restrict-stats
	+stats-json +stats-prometheus +stats-html log-networks fulllog-networks log-numwant
	client-count spot-woodpecker control syslogs ip-from-query-string ip-from-proxy
	proxy-protocol +deny keepalive tls webtorrent +max-peer bogon-filter +workers +upgrade
	extended-answers compiled
"
REQUIRED_USE="
	?? ( v6 v4-only )
	?? ( accesslist-black accesslist-white )
	?? ( compression-gzip-always compression-zstd-always )
	dynamic-accesslist? ( || ( accesslist-black accesslist-white ) )
	modest-fullscrapes? ( fullscrape )
	compression-gzip? ( fullscrape )
	compression-gzip-always? ( compression-gzip )
	compression-zstd? ( fullscrape )
	compression-zstd-always? ( compression-zstd )
	full-state? ( fullscrape )
	sync-scrape? ( sync-live )
	sync-bridge? ( sync-live )
	proxy-protocol? ( ip-from-proxy )
	upgrade? ( workers )
	upgrade? ( full-state )
"
# end of use
RDEPEND="
	acct-group/opentracker
	acct-user/opentracker
	>=dev-python/librt-0.11[${PYTHON_USEDEP}]
	<dev-python/librt-0.18[${PYTHON_USEDEP}]
	>=dev-python/mypy-extensions-1.0[${PYTHON_USEDEP}]
	compression-gzip? ( dev-python/gzip-stream[${PYTHON_USEDEP}] )
	compression-zstd? (
		$(python_gen_cond_dep 'dev-python/backports-zstd[${PYTHON_USEDEP}]' 3.11 3.12 3.13)
	)
	sync-bridge? ( dev-python/nats-py[${PYTHON_USEDEP}] )
"
BDEPEND="
	compiled? (
		>=dev-python/mypy-2.4[${PYTHON_USEDEP}]
		>=dev-python/setuptools-70[${PYTHON_USEDEP}]
	)
"

python_configure_all() {
# choices: made of features.toml by packaging/options
	export WANT_V6=$(usex v6 1 0)
	export WANT_V4_ONLY=$(usex v4-only 1 0)
	export WANT_ACCESSLIST_BLACK=$(usex accesslist-black 1 0)
	export WANT_ACCESSLIST_WHITE=$(usex accesslist-white 1 0)
	export WANT_DYNAMIC_ACCESSLIST=$(usex dynamic-accesslist 1 0)
	export WANT_AUTH_KEYS=$(usex auth-keys 1 0)
	export WANT_CLIENT_APPROVAL=$(usex client-approval 1 0)
	export WANT_FULLSCRAPE=$(usex fullscrape 1 0)
	export WANT_MODEST_FULLSCRAPES=$(usex modest-fullscrapes 1 0)
	export WANT_COMPRESSION_GZIP=$(usex compression-gzip 1 0)
	export WANT_COMPRESSION_GZIP_ALWAYS=$(usex compression-gzip-always 1 0)
	export WANT_COMPRESSION_ZSTD=$(usex compression-zstd 1 0)
	export WANT_COMPRESSION_ZSTD_ALWAYS=$(usex compression-zstd-always 1 0)
	export WANT_FULL_STATE=$(usex full-state 1 0)
	export WANT_SYNC_LIVE=$(usex sync-live 1 0)
	export WANT_SYNC_SCRAPE=$(usex sync-scrape 1 0)
	export WANT_SYNC_BRIDGE=$(usex sync-bridge 1 0)
	export WANT_RESTRICT_STATS=$(usex restrict-stats 1 0)
	export WANT_STATS_JSON=$(usex stats-json 1 0)
	export WANT_STATS_PROMETHEUS=$(usex stats-prometheus 1 0)
	export WANT_STATS_HTML=$(usex stats-html 1 0)
	export WANT_LOG_NETWORKS=$(usex log-networks 1 0)
	export WANT_FULLLOG_NETWORKS=$(usex fulllog-networks 1 0)
	export WANT_LOG_NUMWANT=$(usex log-numwant 1 0)
	export WANT_CLIENT_COUNT=$(usex client-count 1 0)
	export WANT_SPOT_WOODPECKER=$(usex spot-woodpecker 1 0)
	export WANT_CONTROL=$(usex control 1 0)
	export WANT_SYSLOGS=$(usex syslogs 1 0)
	export WANT_IP_FROM_QUERY_STRING=$(usex ip-from-query-string 1 0)
	export WANT_IP_FROM_PROXY=$(usex ip-from-proxy 1 0)
	export WANT_PROXY_PROTOCOL=$(usex proxy-protocol 1 0)
	export WANT_DENY=$(usex deny 1 0)
	export WANT_KEEPALIVE=$(usex keepalive 1 0)
	export WANT_TLS=$(usex tls 1 0)
	export WANT_WEBTORRENT=$(usex webtorrent 1 0)
	export WANT_MAX_PEER=$(usex max-peer 1 0)
	export WANT_BOGON_FILTER=$(usex bogon-filter 1 0)
	export WANT_WORKERS=$(usex workers 1 0)
	export WANT_UPGRADE=$(usex upgrade 1 0)
	export WANT_EXTENDED_ANSWERS=$(usex extended-answers 1 0)
	export WANT_COMPILED=$(usex compiled 1 0)
# end of choices
	# The service files are installed below, for OpenRC and systemd both.
	export OPENTRACKER_SERVICE=none
}

python_install_all() {
	distutils-r1_python_install_all
	newinitd docs/openrc/opentracker.initd opentracker
	newconfd docs/openrc/opentracker.confd opentracker
	systemd_dounit docs/systemd/opentracker.service docs/systemd/opentracker.socket
	newtmpfiles docs/systemd/tmpfiles.conf opentracker.conf
	insinto /etc/opentracker
	newins opentracker.conf.sample opentracker.conf
}

pkg_postinst() {
	tmpfiles_process opentracker.conf
}
