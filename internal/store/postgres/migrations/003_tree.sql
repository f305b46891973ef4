-- The tree over all commits. What stood in proof and peaks was a linear chain of
-- hashes; the driver fills them, and tree, anew.
ALTER TABLE huong.log RENAME COLUMN hash TO proof; -- store.Seal
ALTER TABLE huong.log ALTER proof SET STORAGE PLAIN;
ALTER TABLE huong.head RENAME COLUMN hash TO peaks; -- store.SealHead

-- The hashes in the order in which they come into being, those of one
-- transaction in one row.
CREATE TABLE huong.tree (
	first  bigint PRIMARY KEY, -- place of the row's first hash
	hashes bytea NOT NULL
);
ALTER TABLE huong.tree ALTER hashes SET STORAGE EXTERNAL;
