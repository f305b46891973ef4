-- The log and what belongs to it. huong. is replaced by the schema of the
-- installation before this runs.

-- One row: the end of the log, and the lock that every Append takes first.
CREATE TABLE huong.head (
	only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
	epoch    text   NOT NULL,
	seq      bigint NOT NULL,
	at       bigint NOT NULL,
	catalog  bigint NOT NULL,
	hash     bytea  NOT NULL
);

CREATE TABLE huong.log (
	seq     bigint PRIMARY KEY,
	at      bigint NOT NULL, -- µs since 1970 UTC
	actor   text   NOT NULL,
	source  text   NOT NULL,
	reason  text   NOT NULL,
	key     text   NOT NULL, -- idempotency key; empty when there is none
	touched text   NOT NULL, -- applied changes per dataset, a JSON object
	payload bytea  NOT NULL, -- canonical rows; see log.go
	hash    bytea  NOT NULL  -- SHA-256 of the hash before and of this entry
);
ALTER TABLE huong.log ALTER payload SET STORAGE EXTERNAL;

CREATE TABLE huong.log_dataset (
	dataset text COLLATE "C",
	seq     bigint,
	PRIMARY KEY (dataset, seq)
);

-- Receipts by idempotency key, those of commits that changed nothing included.
CREATE TABLE huong.receipt (
	key       text COLLATE "C" PRIMARY KEY,
	seq       bigint  NOT NULL,
	at        bigint  NOT NULL,
	empty     boolean NOT NULL,
	unchanged bigint  NOT NULL,
	created   bigint  NOT NULL,
	updated   bigint  NOT NULL,
	deleted   bigint  NOT NULL
);

CREATE TABLE huong.layout (
	dataset text COLLATE "C" PRIMARY KEY,
	layout  text NOT NULL
);

CREATE TABLE huong.state (
	owner bytea,
	key   bytea,
	value bytea NOT NULL,
	PRIMARY KEY (owner, key)
);
