# What the scripts that make packages share; they read it with ".". Sets MAINTAINER and, where the
# caller has not, SOURCE_DATE_EPOCH: the time of the commit, or in a release that of NEWS.md.
MAINTAINER='The pysbx authors <maintainers@pysbx.invalid>'

# source_version TOP: the version, which stands in configure.ac alone.
source_version() {
	sed -n 's/^AC_INIT(\[pysbx\],\[\([^]]*\)\].*/\1/p' "$1/configure.ac"
}

# source_is_git TOP: a checkout, whose files git knows; a release inside of somebody's git is none.
source_is_git() {
	[ -e "$1/.git" ] && git -c safe.directory='*' -C "$1" rev-parse HEAD >/dev/null 2>&1
}

# source_copy TOP DIR: the files of the source and nothing that a build made of them.
source_copy() {
	mkdir -p "$2"
	if source_is_git "$1"; then
		git -c safe.directory='*' -C "$1" ls-files -z | (cd "$1" && xargs -0 sh -c '
			for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh) |
			tar -C "$1" --null --files-from=- -cf - | tar -C "$2" -xf -
	else
		(cd "$1" && tar --exclude='./build' --exclude='./build-[!a]*' --exclude='./debian' \
			--exclude='*.[oa]' --exclude='__pycache__' -cf - .) | tar -C "$2" -xf -
	fi
}

# source_date TOP
source_date() {
	if source_is_git "$1"; then
		git -c safe.directory='*' -C "$1" log -1 --format=%ct
	else
		stat -c %Y "$1/NEWS.md"
	fi
}

: "${SOURCE_DATE_EPOCH:=$(source_date "$top")}"
export SOURCE_DATE_EPOCH
