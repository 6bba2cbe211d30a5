#!/bin/sh
# Makes the secrets of a new deployment, each in a file of its own, under
# deploy/secrets (or the directory given). Never changes one that exists.
#
#     deploy/make-secrets.sh [DIRECTORY]
#
# Only the directory is closed to others (mode 700). The files in it are readable,
# because containers see them through a mount, as users of their own.
set -eu
umask 022
directory=${1:-$(dirname "$0")/secrets}
mkdir -p "$directory/accounts"
chmod 700 "$directory"

random() { openssl rand -hex 32; }

# write FILE TEXT
write() {
    if [ -e "$directory/$1" ]; then
        echo "kept     $directory/$1"
        return
    fi
    printf '%s\n' "$2" >"$directory/$1.new"
    mv "$directory/$1.new" "$directory/$1"
    echo "made     $directory/$1"
}

secret() { cat "$directory/$1"; }

write postgres_password "$(random)"
write valkey_password "$(random)"
write secret_keys "$(random)"
write api_token "$(random)"
write unipile_webhook_secret "$(random)"
write grafana_admin_password "$(random)"

# What the processes connect with, made of the passwords above.
write database_url "postgresql://cadenza:$(secret postgres_password)@postgres:5432/cadenza"
write redis_url "redis://:$(secret valkey_password)@valkey:6379/0"
write valkey_auth.conf "requirepass $(secret valkey_password)"
