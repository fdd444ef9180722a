# Shared by tests that use a chroot; they source it before lib.sh.  All that they mount is in a
# namespace of their own and ends with them.  Nothing of this machine is mounted where a test
# removes files: file systems of the kernel are mounted anew, devices are made.

if [ "$(id -u)" = 0 ] && [ -z "${RSPROF_TEST_MOUNTS:-}" ]; then
	RSPROF_TEST_MOUNTS=own exec unshare --mount --propagation private sh "$0" "$@"
fi

# furnish ROOT: with what a program finds in a container.
furnish() {
	mkdir -p "$1/proc" "$1/sys" "$1/dev" "$1/tmp"
	mount -t proc none "$1/proc" && mount -t sysfs none "$1/sys" || return
	for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
		path=$1/dev/${device%%:*}
		device=${device#*:}
		[ -e "$path" ] || mknod -m 666 "$path" c "${device%:*}" "${device#*:}"
	done
	furnished="$1 ${furnished-}"
}

# clear_roots: unmount, before files are removed.
clear_roots() {
	for root in ${furnished-}; do umount "$root/proc" "$root/sys"; done
	furnished=
}

# bootstrap DISTRIBUTION ROOT: the smallest system.
bootstrap() {
	mmdebstrap -q --variant=minbase "$1" "$2" >"$T/log" 2>&1
}
