#!/bin/sh
# Installs what this folder holds, or removes it again. No network, no other tool than a plain sh and
# the usual commands (busybox will do).
#
#	sh install.sh [--prefix DIR]               into DIR, by default /usr/local
#	sh install.sh --uninstall [--prefix DIR]   removes what was installed there
#
# What it installed stands in DIR/share/pysbx/installed, with this script beside it, which removes
# it all when this folder is long gone: sh DIR/share/pysbx/install.sh --uninstall --prefix DIR
# DESTDIR is put before DIR.
set -eu
umask 022
export LC_ALL=C

die() {
	printf 'install.sh: %s\n' "$1" >&2
	[ $# -lt 2 ] || printf '  help: %s\n' "$2" >&2
	exit 1
}

prefix=/usr/local remove=
while [ $# -gt 0 ]; do
	case $1 in
	--prefix)
		[ $# -gt 1 ] || die "--prefix: no folder"
		prefix=$2
		shift
		;;
	--prefix=*) prefix=${1#--prefix=} ;;
	--uninstall) remove=yes ;;
	-h | --help)
		sed -n '2,10s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*) die "$1: no such option" "sh install.sh [--prefix DIR] [--uninstall]" ;;
	esac
	shift
done
case $prefix in
/*) ;;
*) die "$prefix: not an absolute path" "--prefix /usr/local, for one" ;;
esac
prefix=${prefix%/}
root=${DESTDIR:-}$prefix
record=share/pysbx/installed

# Lines of the record: "file NAME", "folder NAME" (made by us), names from the prefix on, of which only
# those are believed that stay below it; "above PATH", a folder made to have a place for the prefix.
recorded() {
	[ ! -f "$root/$record" ] || sed -n "s/^$1 //p" "$root/$record" | grep -v -e '^/' -e '\.\.' || :
}

if [ "$remove" ]; then
	[ -f "$root/$record" ] || die "$root: nothing that this script installed" "name the right folder with --prefix"
	folders=$(recorded folder | sort -r)
	above=$(sed -n 's/^above //p' "$root/$record" | sort -r)
	recorded file | while IFS= read -r name; do
		rm -f "$root/$name" || exit 1
	done || die "$root: not everything could be removed"
	rm -f "$root/$record"
	# Only what was made for this, and never a folder that holds something else.
	for name in $folders; do
		rmdir "$root/$name" 2>/dev/null || :
	done
	printf '%s\n' "$above" | while IFS= read -r name; do
		[ -z "$name" ] || rmdir "$name" 2>/dev/null || :
	done
	printf 'removed from %s\n' "$root"
	exit 0
fi

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
[ -f SHA256SUMS ] && [ -f bin/pysbx ] || die "$here: not a whole bundle" "unpack the archive again and run the install.sh in it"
if command -v sha256sum >/dev/null; then
	sha256sum -c SHA256SUMS >/dev/null 2>&1 || die "$here: a file is not as SHA256SUMS has it" "unpack the archive again"
fi

files=$(sed 's/^[0-9a-f]*  *\*\{0,1\}//' SHA256SUMS | grep -E '^(bin|share)/')
old=$(recorded file)
is_old() {
	printf '%s\n' "$old" | grep -qxF "$1"
}
for name in $files share/pysbx/install.sh; do
	[ ! -e "$root/$name" ] || is_old "$name" ||
		die "$root/$name: is there, and no bundle has put it there" "remove it, or take another --prefix"
done

made=$(recorded folder) above=
[ ! -f "$root/$record" ] || above=$(sed -n 's/^above //p' "$root/$record")
folder=$root
while [ -n "$folder" ] && [ ! -d "$folder" ]; do
	above="$above
$folder"
	folder=${folder%/*}
done
[ -d "$root/" ] || mkdir -p "$root"

# make_folders NAME: the folders of NAME below the prefix, those that were not there into the record.
make_folders() {
	case $1 in
	*/*) make_folders "${1%/*}" ;;
	esac
	[ -d "$root/$1" ] || {
		mkdir "$root/$1"
		made="$made
$1"
	}
}

# put FROM NAME MODE: whole or not at all, also over a program that is running.
put() {
	make_folders "${2%/*}"
	cp "$1" "$root/$2.new"
	chmod "$3" "$root/$2.new"
	mv -f "$root/$2.new" "$root/$2"
}

# The record first: what breaks off half way can be removed.
make_folders share/pysbx
write_record() {
	{
		for name in $files share/pysbx/install.sh; do
			printf 'file %s\n' "$name"
		done
		printf '%s\n' "$old" | while IFS= read -r name; do
			[ -z "$name" ] || [ ! -e "$root/$name" ] || printf 'file %s\n' "$name"
		done
		printf '%s\n' "$made" | sed -n 's/^\(..*\)$/folder \1/p'
		printf '%s\n' "$above" | sed -n 's/^\(..*\)$/above \1/p'
	} | sort -u >"$root/$record.new"
	mv -f "$root/$record.new" "$root/$record"
}
write_record
for name in $files; do
	mode=644
	case $name in
	bin/*) mode=755 ;;
	esac
	put "$name" "$name" $mode
done
put install.sh share/pysbx/install.sh 755
# What an older bundle had and this one has not.
printf '%s\n' "$old" | while IFS= read -r name; do
	[ -z "$name" ] || printf '%s\nshare/pysbx/install.sh\n' "$files" | grep -qxF "$name" || rm -f "$root/$name"
done
write_record
printf 'installed: %s/bin/pysbx\n' "$prefix"
printf 'to remove: sh %s/share/pysbx/install.sh --uninstall --prefix %s\n' "$prefix" "${prefix:-/}"
