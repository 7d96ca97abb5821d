"""Everything on the network that can grow has a bound, and a reason. Message sizes and rates are in `codec.TABLE`."""

from __future__ import annotations

# --- messages (wire/) ---
MAX_AGENT_CHARACTERS = 64
"""`quip/0.1.0` and a word of the operator's; shown in tables."""
MAX_REASON_CHARACTERS = 200
"""One line of a log."""
MAX_GOSSIP_CLAIMS = 16
"""New heads at once: one is normal, a reorganisation announces a few."""
MAX_TRANSACTION_CLAIMS = 1_024
"""Inventory at once: most of a full block's transactions, in 39 kB; reading it costs 5 ms."""
MAX_LOCATOR_HASHES = 64
"""Spacing doubles after the first ten: 64 reach beyond 2^50 blocks."""
MAX_HEADERS = 512
"""In 320 kB; headers are the cheapest part of sync."""
MAX_SEALS = 64
"""In 0.7 MB with seals of 11 kB; parallel ranges are of this size."""
MAX_BODIES = 64
"""Their bytes end an answer sooner."""
MAX_TRANSACTIONS_OF_BODY_BYTES = (8 << 20) + (8 << 20 >> 4)
"""Of the largest body, whose legacy transactions have a prefix here that they do not have in a block: under 1/16."""
MAX_BODIES_BYTES = MAX_TRANSACTIONS_OF_BODY_BYTES + (1 << 19) + 8
"""The largest body: transactions, ommers with their seals, and a prefix of four bytes for each of the two lists."""
MAX_TRANSACTIONS = 256
"""Missing transactions of a block at once."""
MAX_TRANSACTIONS_BYTES = 1 << 20
"""Bytes of transactions in one TRANSACTIONS; a larger transaction comes with its block."""
MAX_PEERS = 250
"""Addresses in one answer: a quarter of Bitcoin's, enough for 8 outbound connections."""
MAX_COUNTERS = 32
"""Counters of one STATS."""
MAX_COUNTER_NAME_CHARACTERS = 32
"""A metric's name."""

# --- one connection (session/) ---
JOIN_TIMEOUT_S = 10.0
"""From the TLS handshake to the welcome: a few round trips and a look at two tables."""
REFUSAL_LINGER_S = 2.0
"""A refused peer reads why and closes; then we close."""
HEARTBEAT_INTERVAL_S = 15.0
"""Default; keeps NAT bindings of 30 s open."""
HEARTBEAT_TIMEOUT_S = 60.0
"""Default; four heartbeats lost."""
MIN_HEARTBEAT_INTERVAL_S = 0.1
"""HEARTBEAT's rate lets one through so often."""
MAX_REQUESTS_IN_FLIGHT = 8
"""Of ours to one peer; fills 8 MB/s at 100 ms with seals, and half of what a peer accepts."""
MAX_REQUESTS_QUEUED = 64
"""Of ours behind those; more is not backpressure but a leak."""
MAX_REPLY_BYTES_IN_FLIGHT = 20 << 20
"""Sum of the largest answers to our requests in flight to one peer: two of 8 MiB and some small ones."""
MAX_INBOUND_STREAMS = 16
"""Requests of one peer that are open at once; the next are refused."""
MAX_STREAM_GAP = 256
"""Streams that a peer may skip: numbers come out of order only by loss, as many as it has in flight."""
REQUEST_ARRIVAL_S = 30.0
"""From a request's first byte to its last: at most 9 kB."""
MAX_ANSWER_BYTES = 32 << 20
"""Unsent bytes to one peer plus the largest answers being prepared for it; further requests wait."""
PATIENCE_MESSAGES = 64
"""Throttled messages and refused streams that a peer is forgiven at once..."""
PATIENCE_PER_S = 1.0
"""...and per second, before it counts as flooding."""
SELF_RESTRAINT = 0.75
"""Our share of the rates that we allow others: jitter on the way makes bursts."""
MAX_PUSH_BACKLOG = 16 << 20
"""Unsent bytes above which news is not pushed: the next heartbeat tells the head anyway."""
SLOW_READER_BYTES = 64 << 10
"""Unsent bytes above which the peer has to read..."""
SLOW_READER_S = 30.0
"""...within each such time..."""
SLOW_READER_PROGRESS_BYTES = 256 << 10
"""...so much, or as much as there is: 70 kbit/s."""

# --- the log (log_limit.py) ---
LOG_LINES_AT_ONCE = 64
"""Lines of one kind: as many as there are peers..."""
LOG_LINES_PER_S = 0.1
"""...and afterwards: under 2 MB a day of each kind that strangers can cause."""
LOG_KINDS = 256
"""Constant texts; the program has a few dozen."""

# --- bans (peers/bans.py) ---
BAN_STEPS_S = (60, 600, 3_600, 86_400, 604_800)
"""First to fifth offence: a minute stops a loop, a week an enemy."""
FORGIVEN_AFTER_S = 604_800
"""A week after a ban ended its offence no longer counts."""
BANS_KEPT = 4_096
"""200 bytes each; the oldest are forgotten first."""
GROUP_OFFENDERS = 3
"""Node ids of one netgroup that misbehave before the group is banned: ids cost nothing, a /16 has honest neighbours."""
GROUP_OFFENDERS_WITHIN_S = 600
"""...in this time."""
OFFENDING_GROUPS = 1_024
"""Netgroups whose offenders are counted; an attacker with more has too many to be banned one by one."""

# --- address book (peers/address_book.py, peers/discovery.py) ---
NEW_BUCKETS = 128
"""With 32 slots each: 4,096 addresses that we were told, 1 MB."""
NEW_BUCKETS_PER_SOURCE = 16
"""Buckets that one source's netgroup reaches: an eighth of the table."""
TRIED_BUCKETS = 32
"""With 32 slots each: 1,024 addresses that we were connected to."""
TRIED_BUCKETS_PER_GROUP = 4
"""Buckets that one netgroup's addresses reach: an eighth of the table."""
BUCKET_SLOTS = 32
"""Addresses in a bucket."""
TRIED_CONTESTS = 16
"""Full tried slots that a working address waits for; feelers test the holders one by one."""
ADDRESS_DEAD_ATTEMPTS = 6
"""Failed dials in a row: half an hour by then, since each waits twice as long as the one before."""
ADDRESS_STALE_S = 30 * 86_400
"""Not seen for a month."""
SMALL_BOOK = 32
"""Addresses that are told at once even if they are more than a quarter of the book."""
PEERS_ANSWER_EVERY_S = 60.0
"""One peer gets addresses once a minute; in between an empty list."""
PEERS_ASK_EVERY_S = 1_800.0
"""An outbound peer is asked again after half an hour..."""
PEERS_ASK_IN_NEED_S = 90.0
"""...or so soon, where we have too few outbound peers and nobody left to dial."""
PEERS_TIMEOUT_S = 20.0
"""For an answer of 250 addresses."""
SAVE_EVERY_S = 120.0
"""Between two savings of the address book..."""
SAVE_SOON_S = 15.0
"""...and after a peer joined: a node that is killed finds its peers again before they notice. 50 ms for a full book."""
MAX_ANCHORS = 4
"""Outbound peers that the next run dials first: an attacker who restarts us does not get all slots."""

# --- connections (peers/dialling.py, peers/admission.py, peers/eviction.py) ---
OUTBOUND_TARGET = 8
"""Default. Bitcoin's figure: an attacker with a tenth of all addresses has all eight once in 10^8 draws."""
OUTBOUND_PER_GROUP = 1
"""Chosen outbound peers of one netgroup, as in Bitcoin: who has three gets three of eight, however many nodes he runs.
Loopback and private ones don't count."""
MAX_INBOUND = 64
"""Default. With session buffers of a few 100 kB each at most."""
DIAL_TIMEOUT_S = 15.0
"""A dial that the transport never answers is given up."""
DIAL_EVERY_S = 0.5
"""Between two dials to addresses from the book."""
DIAL_IDLE_S = 2.0
"""After a look into the book that found nobody to dial."""
FEELER_EVERY_S = 120.0
"""One unknown address is tried so often: 700 a day."""
FLEETING_S = 5.0
"""An address of the book whose connection ends sooner rests like one that could not be dialled: a minute at first."""
MANUAL_BACKOFF_S = 1.0
"""A manual peer is dialled again after 1, 2, 4, ... seconds..."""
MANUAL_BACKOFF_MAX_S = 30.0
"""...up to this; the operator asked for it, and a restart takes seconds."""
STEADY_AFTER_S = 30.0
"""A connection that held so long resets the back-off."""
DUPLICATE_RACE_S = 5.0
"""Two nodes that dial each other at once notice within this; later the older connection is the dead one."""
PROVIDERS = 1_024
"""Node ids that brought a new block first, remembered beyond their connection: each has passed on real work."""
DEPARTED = 256
"""Ended connections, for as long as something that came by them may still be checked."""
EVICTION_PROTECTED_GROUPS = 4
"""Inbound peers of distinct netgroups that are never evicted..."""
EVICTION_PROTECTED_PROVIDERS = 4
"""...those that last were first with a block..."""
EVICTION_PROTECTED_OLDEST = 8
"""...and those connected longest: an attacker has to be better at all three."""

# --- gossip (gossip/) ---
KNOWN_BLOCKS_PER_PEER = 512
"""Hashes that a peer is known to have: a quarter of an hour of the dev chain, 60 kB."""
PUSH_AT_LEAST = 4
"""Peers that get header and seal unasked, or the square root of all: 4 peers reach 8 nodes in two hops."""
CANDIDATES = 64
"""Blocks on their way in: more than honest miners make in a minute on any chain."""
CANDIDATES_PER_PEER = 8
"""Of one peer: verification CPU is its to spend only so far."""
CLAIMS = 144
"""What peers said of announced blocks that are asked for: FETCHES of them, by one peer asked and ANNOUNCERS others."""
OTHER_OFFERS = 3
"""Further offers for a hash whose first offer may turn out bad."""
WAITING_CHILDREN = 32
"""Blocks whose parent is on its way in."""
WAITING_PER_PEER = 16
"""Of these, from one peer: who sends children of children reaches half of the room."""
VERIFIED_SEALS = 64
"""Seals that passed while the block is not in yet: a hash is not verified twice. 11 kB each."""
EARLY_BLOCKS = 64
"""Hashes handed to the chain before their time; like chain/limits.py's FUTURE_BLOCKS."""
SIDE_BLOCKS_REMEMBERED = 1_024
"""(parent, XMSS key) pairs whose one side block was taken."""
BLOCK_TIMEOUT_S = 2.0
"""For an announced block or a body; then the next announcer is asked."""
FETCHES = 16
"""Announced blocks asked for at once..."""
FETCHES_PER_PEER = 2
"""...and of one peer: two of the largest are all that its answers in flight may have."""
BROKEN_PROMISES = 4
"""Announced blocks in a row that a peer did not give, before it is disconnected."""
ANNOUNCERS = 8
"""Peers remembered per announced block."""
TRANSACTIONS_TIMEOUT_S = 5.0
"""For up to 256 transactions."""
TRANSACTION_PREFIX_BYTES = 4
"""What a transaction's byte string has before it in TRANSACTIONS, at most."""
HEARD_TRANSACTIONS_PER_PEER = 4_096
"""Announced by one peer and not asked of it yet, as geth; what comes on top is not remembered. 0.6 MB."""
TRANSACTIONS_PER_S = 256.0
"""Asked of one peer: five times what the public chain holds; judging them takes 1 % of a core..."""
TRANSACTIONS_AT_ONCE = 2_048
"""...after these: more than a full block."""
ALL_TRANSACTIONS_PER_S = 2_048.0
"""Asked of all peers together: three times what the dev chain holds; judging them takes a tenth of a core..."""
ALL_TRANSACTIONS_AT_ONCE = 8_192
"""...after these. Who was not asked for longest comes first."""
FETCHED_TRANSACTIONS = 8_192
"""Hashes handed to the pool lately, which may still judge them: not asked of the next peer. 1 MB."""
BROKEN_TRANSACTION_PROMISES = 8
"""Requests in a row that bring nothing, before the peer is disconnected: a block takes all of a small pool at once."""
KNOWN_TRANSACTIONS_PER_PEER = 8_192
"""Hashes that a peer is known to have, 0.9 MB: a quarter of a minute at its highest rate."""
REMIND_EVERY_S = 60.0
"""A peer is told again of 1,024 transactions that it never showed to have: 0.7 kB/s."""
UNTOLD_TRANSACTIONS_PER_PEER = 4_096
"""To be announced to a peer: four messages at their rate. The oldest are forgotten, and spread by other ways."""

# --- connections below the messages (quic/) ---
HANDSHAKE_S = 5.0
"""A handshake is three round trips; half-open connections are few, so they must not linger."""
MAX_CONNECTIONS = 192
"""All together; each may make this node hold CONNECTION_WINDOW. The overlay fills less than half."""
DIALS_RESERVED = 32
"""Of these: strangers that fill a node must not keep it from dialling its own peers; eight, feelers, and named ones."""
MAX_PER_NETGROUP = 8
"""Inbound, half-open ones too: one owner's addresses must not fill the node. Loopback and private ones are exempt."""
MAX_HALF_OPEN = 64
"""Handshakes at the same time, of clients whose address is proved."""
MAX_HALF_OPEN_PER_NETGROUP = 4
"""A sixteenth of them."""
ADMISSIONS_PER_S = 32.0
"""Handshakes begun: each costs 2.3 ms of CPU, so a flood takes a tenth of a core..."""
ADMISSIONS_AT_ONCE = 128
"""...after these: a whole local network that starts together."""
ADMISSIONS_PER_GROUP_PER_S = 1.0
"""The same for one netgroup (loopback and private ones are exempt)..."""
ADMISSIONS_PER_GROUP_AT_ONCE = 8
"""...after these."""
GROUPS_AT_THE_DOOR = 1_024
"""Netgroups whose handshakes are counted."""
ANSWERS_PER_S = 5_000.0
"""Datagrams that belong to no connection and are answered (Retry, 20 us each); forged addresses cost no more..."""
ANSWERS_AT_ONCE = 10_000
"""...after these."""
RESETS_PER_S = 100.0
"""Packets of unknown connections that are answered: peers of the time before a restart, one each..."""
RESETS_AT_ONCE = 200
"""...all of them at once. Whoever forges such packets gets no more than this, in shorter ones."""
CPU_SHARE = 0.5
"""Of one core, for what a connection that we dialled sends, and what the loop then does about it: 3,000 blocks a second
of a sync, but only 1,600 datagrams of nothing but PINGs..."""
CPU_AT_ONCE_S = 1.0
"""...after so much. What comes beyond it is lost, which slows an honest sender down."""
CPU_COMMON = 0.25
"""The same for all peers together that dialled us..."""
CPU_COMMON_AT_ONCE_S = 0.25
"""...after so much: the loop stands still no longer."""
CPU_STRANGERS = 0.125
"""The same for all that have not joined yet: 40 of them a second..."""
CPU_STRANGERS_AT_ONCE_S = 0.25
"""...after so much: a hundred at once. A handshake costs 2.3 ms, a join less."""
CPU_JOINED = 0.004
"""Beside it for each of those that joined, a quarter of a core for 64 of them: some blocks a second..."""
CPU_JOINED_AT_ONCE_S = 0.01
"""...after so much: a header and its seal, on a real network, cost 2 ms."""
READING_S = 0.01
"""How long datagrams are read before everything else has its turn; a peer's dearest one takes about as long."""
MAX_FRAMES_IN_PACKET = 256
"""Of one kind: one for each stream at most, where nobody means harm. The dearest costs 10 us."""
MAX_ACKS_IN_PACKET = 4
"""One is normal, and each costs a look at all packets in flight."""
MAX_RETIRED_IN_PACKET = 8
"""Connection ids of one connection; each costs 45 us, for a new one is made and announced."""
MAX_CRYPTO_GAPS = 16
"""Holes in the handshake's bytes: three or four packets, in any order."""
MAX_STREAMS_BIDI = 32
"""Requests of the other side at the same time; the session's own limit is half of it."""
MAX_STREAMS_UNI = 4
"""Each side pushes on one."""
STREAM_WINDOW = 512 << 10
"""Bytes on their way on one stream: 5 MB/s at 100 ms."""
CONNECTION_WINDOW = 1 << 20
"""Bytes out of order that one peer can make this node hold."""
MAX_CRYPTO_BYTES = 64 << 10
"""Handshake bytes of one peer; a chain of five certificates is 8 kB. TLS itself would hold 16 MiB."""
MAX_STREAM_GAPS = 256
"""Holes in one stream: every second packet of a full window lost makes 218. Each costs a search through the others."""
MAX_UNSENT_TOTAL = 256 << 20
"""Unsent bytes to all peers together, above which a peer gets an answer only when it has read the one before."""
MAX_UNSENT_BYTES = 64 << 20
"""What one peer may let wait here; the session gives up far below (MAX_ANSWER_BYTES, SLOW_READER_S)."""
BACKLOG_STEP = 64 << 10
"""Backlog is told when it has changed so much, and when it is gone."""
LOOPBACK_DATAGRAM = 8_192
"""Bytes: a packet costs the same CPU at any size, and a loopback device takes this (macOS: at most 9,216); larger ones
are not read..."""
FAR_DATAGRAM = 1_500
"""...nor those larger than this that come from elsewhere: ours have 1,200."""
KEY_UPDATE_PACKETS = 1 << 22
"""A key of AES-128-GCM is good for 2^23 packets (RFC 9001, section 6.6)."""
MAX_FAREWELLS = 256
"""Closed connections whose late datagrams still get the close as an answer..."""
LINGER_S = 3.0
"""...for a few round trips."""
DATAGRAM_BATCH = 64
"""Datagrams read before the rest of the program has its turn: a few ms."""
RETRY_TOKEN_S = 10.0
"""Validity of a Retry token: a client answers at once."""
KNOWN_SPELLINGS = 4_096
"""Socket addresses whose canonical form is remembered."""

# --- remembered peers (peers/trust_db.py) ---
PINS_KEPT = 16_384
"""Addresses whose key is pinned; the oldest make room. 100 bytes each."""
ORDER_ROUNDS = 32
"""Rounds of sync, gossip and discovery wanting things of each other in one event; the rest waits for the next."""
CHANGED_KEYS_NOTED = 256
"""Changed keys that are logged once each, not at every redial."""

# --- sync (sync/) ---
SYNC_WINDOW = 2_048
"""Headers above the stored chain, with their verified seals: 25 MB on the public network."""
LOCATOR_DENSE = 10
"""Hashes of a locator at distance one; from there on the distance doubles."""
SYNC_SEALS_IN_FLIGHT = 512
"""Seals asked for or being checked: eight full ranges, 6 MB."""
SYNC_FIRST_RANGE = 4
"""Seals asked of a peer that has not sent a good one yet: what a new identity can make us check in vain."""
SYNC_REQUESTS_PER_PEER = 3
"""Ranges asked of one peer at a time: one on the way there, one being made, one on the way back."""
SYNC_BODIES_AHEAD = 64
"""Blocks whose bodies are fetched before those below them are imported."""
SYNC_BODY_BYTES = 64 << 20
"""Of bodies that wait for their import, beside those that were asked for before there were so many."""
SYNC_BODIES_RANGE = 16
"""Bodies in one request."""
SYNC_IMPORT_BATCH = 512
"""Blocks in one transaction of the store: what a crash loses, and some 0.1 s of the chain's thread."""
SYNC_IMPORT_S = 0.5
"""A batch that does not fill is imported after so long."""
SYNC_IMPORTS = 2
"""Batches at the chain's thread: one under way and the next."""
SYNC_CHECKPOINTS = 1_024
"""Hashes kept of a branch that is weighed before it is fetched again, 100 bytes each."""
SYNC_CHECKPOINT_SPACING = 64
"""Blocks between them at first."""
SYNC_TIMEOUT_S = 10.0
"""For an answer; a range of 64 seals at 70 kB/s."""
SYNC_HURRY_S = 2.0
"""After so long a range is asked of a second peer."""
SYNC_STRIKES = 3
"""Requests in a row that come to nothing before a peer is disconnected."""
SYNC_PACE = 32
"""Verified seals that count as progress: 35 kB/s of seals within SYNC_ROTATE_S. Less holds nobody's place."""
SYNC_ROTATE_S = 10.0
"""Without progress for so long, another claimant leads."""
SYNC_CLAIM_S = 60.0
"""Without progress for so long, a claim that had its turn is dropped and its peer disconnected."""
SYNC_FAMILIAR_AHEAD_S = 600.0
"""A claimant that we dialled, or that brought a block, leads before others that have waited up to so much longer:
inbound peers select themselves."""
SYNC_GRACE_S = 1.0
"""A claim of one or two blocks more is left to gossip for so long."""
SYNC_GRACE_BLOCKS = 2
"""...such a claim."""
SYNC_RETRY_S = 2.0
"""After a download that came to nothing, before the next from the same peer."""
SYNC_STORE_S = 30.0
"""A chain that takes no blocks (a full disk) is tried again after 2, 4, 8, ... s, at most so long: each try costs peers
up to a window of seals."""
SYNC_EARLY_S = 60.0
"""A claim of blocks from the future is left alone for at most so long."""
SYNC_HEADER_CREDIT = 8_192.0
"""Headers that a peer may have us verify without work to show for it: half a second of CPU..."""
SYNC_HEADER_CREDIT_PER_S = 30.0
"""...and so many a second: 0.2 % of a core."""
SYNC_HEADERS_PER_SEAL = 4.0
"""A verified seal pays for so many headers."""
