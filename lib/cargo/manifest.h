/*
 * What a Cargo.toml says of profiles, as far as that is certain without cargo.
 */
#ifndef CARGO_MANIFEST_H
#define CARGO_MANIFEST_H

/*
 * Returns whether the text of a workspace's Cargo.toml leaves a profile certainly without debug
 * information: it is release or bench, or inherits one of them, and no table that it is made of
 * has a key `debug`. Returns 0, not certain, where profiles are written in another way than as
 * tables [profile.NAME], or have tables for single packages. Configuration files are not looked at.
 */
int cargo_manifest_is_bare(const char *text, const char *profile);

#endif
