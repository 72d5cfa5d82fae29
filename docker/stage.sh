#!/usr/bin/env bash
# Makes the images' file systems from Debian packages, this JDK and Retune's jars, one folder per set of layers:
#   docker/stage.sh FOLDER             the whole stage
#   docker/stage.sh FOLDER rehearse    writes docker/classes again, the lists of the class archives
# It needs no container daemon, registry or root. The same packages, JDK and jars give the same bytes.
set -euo pipefail
top=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd)
stage=$(realpath -m -- "$1")
java=$("$top/retune" java-home)
libraries=lib/x86_64-linux-gnu

# The JDK modules that the libraries use: naming.dns resolves mongodb+srv:// addresses, security.* authenticates to a store,
# httpserver and jdk.management are for serving.
modules=java.base,java.logging,java.management,java.naming,java.net.http,java.security.jgss,java.security.sasl
modules+=,java.xml,jdk.httpserver,jdk.incubator.vector,jdk.management,jdk.naming.dns,jdk.net,jdk.unsupported

fail() {
  printf '%s\n' "$1" >&2
  exit 50
}

need() { # need PROGRAM PACKAGE
  command -v "$1" > /dev/null || fail "Images are built on Debian or Ubuntu, with $1: run 'apt-get install $2'."
}

[[ $(uname -sm) == "Linux x86_64" ]] || fail "Images are built on linux/amd64 only: this machine is $(uname -sm)."
need apt-get apt
need dpkg-deb dpkg
need strip binutils
need unzip unzip

# Downloads the packages, in the locked versions if the mirror has them, and writes a line on each for the bill of materials.
packages() {
  local folder entry licence name version
  mkdir "$stage/packages"
  cd "$stage/packages"
  while read -r folder entry licence; do
    name=${entry%%=*}
    if ! apt-get download -qq "$entry" 2> /dev/null; then
      apt-get download -qq "$name" 2> "$stage/apt.log" ||
        fail "apt-get cannot download the package $name; run 'apt-get update' or see $stage/apt.log."
    fi
    version=$(dpkg-deb --field "$name"_*.deb Version)
    [[ $entry == "$name=$version" ]] || echo "The mirror does not have $entry of docker/packages.lock; version $version is used." >&2
    printf '%s %s %s %s\n' "$folder" "$name" "$version" "$licence" >> "$stage/packages.txt"
  done < <(sed '/^#/d' "$top/docker/packages.lock")
}

take() { # take PACKAGE TARGET PATH…: these files of a package
  local package=$1 target=$2
  shift 2
  mkdir -p "$target"
  dpkg-deb --fsys-tarfile "$stage/packages/$package"_*.deb | tar -x -C "$target" "${@/#/./}"
}

# The system: what dynamically linked programs need, without any program.
base() {
  local root=$stage/base
  take libc6 "$root" $libraries/{ld-linux-x86-64.so.2,libc.so.6,libdl.so.2,libm.so.6,libpthread.so.0,libresolv.so.2,librt.so.1}
  take libc-bin "$root" usr/lib/locale/C.utf8
  mkdir -p "$root"/{lib64,etc}
  mkdir -m 777 "$root/tmp"
  cp "$root/$libraries/ld-linux-x86-64.so.2" "$root/lib64/"
  printf '%s\n' 'root:x:0:0:root:/:/nologin' 'nonroot:x:65532:65532:nonroot:/tmp:/nologin' > "$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'nonroot:x:65532:' > "$root/etc/group"
  echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
}

runtime() {
  mkdir -p "$stage/java/opt"
  "$java/bin/jlink" --add-modules "$modules" --strip-java-debug-attributes --no-header-files --no-man-pages \
    --compress zip-0 --output "$stage/java/opt/java" > "$stage/java.log" 2>&1 ||
    fail "jlink of $java failed; see $stage/java.log."
  strip --strip-unneeded "$stage/java/opt/java/lib/server/libjvm.so" # names of local symbols: 1.5 MB compressed
  "$java/bin/javac" -d "$stage/java/opt/probe" "$top/docker/probe/Probe.java"
  echo "java openjdk $(sed -n 's/^JAVA_RUNTIME_VERSION="\(.*\)"/\1/p' "$java/release") GPL-2.0-only WITH Classpath-exception-2.0" \
    >> "$stage/packages.txt"
}

# PyTorch for DJL's PYTORCH_LIBRARY_PATH and XGBoost for XGBOOST_LIBRARY_PATH: unpacked here rather than at each start.
# PyTorch's libraries look for those that they are linked with in their own folder; XgboostLibrary loads XGBoost's from there.
torch() {
  local root=$stage/torch/opt/torch jars=$top/tasks/learning/target/lib
  mkdir -p "$root"
  unzip -qj "$jars"/pytorch-native-cpu-*-linux-x86_64.jar 'pytorch/cpu/linux-x86_64/*' -d "$root"
  unzip -qj "$jars"/pytorch-jni-*.jar jnilib/linux-x86_64/cpu/libdjl_torch.so -d "$root"
  unzip -qj "$jars"/xgboost4j_*.jar lib/linux/x86_64/libxgboost4j.so -d "$root"
  strip --strip-unneeded "$root"/*
  take libgcc-s1 "$stage/files" $libraries/libgcc_s.so.1
  take libstdc++6 "$stage/files" usr/$libraries
  take libgomp1 "$stage/files" usr/$libraries
  cp --dereference "$stage/files/$libraries/libgcc_s.so.1" "$stage/files/usr/$libraries"/lib{stdc++.so.6,gomp.so.1} "$root/"
}

# XGBoost's jar without the native libraries of five platforms.
without_natives() { # without_natives JAR TARGET
  local classes=$stage/files/${1##*/}
  mkdir -p "$classes"
  unzip -q "$1" -x 'lib/*' -d "$classes"
  (cd "$classes" && find . -type f | LC_ALL=C sort > ../classes.list &&
    "$java/bin/jar" --create --no-manifest --date=1980-01-01T00:00:02Z --file "$2" @../classes.list)
}

# A family's /opt/retune: the module's class path and the JVM options.
class_path() { # class_path FAMILY MODULE OPTIONS…
  local root=$stage/$1/opt/retune target=$top/tasks/$2/target jar jars
  mkdir -p "$root/lib"
  cp "$target/bom.json" "$stage/$1.bom.json"
  cp "$top/LICENSE" "$top/NOTICE" "$root/"
  for jar in "$target"/retune-*.jar "$target"/lib/*.jar; do
    case ${jar##*/} in
      retune-*) cp "$jar" "$root/" ;;
      pytorch-native-* | pytorch-jni-*) ;; # in the folder torch
      xgboost4j_*) without_natives "$jar" "$root/lib/${jar##*/}" ;;
      *) cp "$jar" "$root/lib/" ;;
    esac
  done
  # All files in the layers have this time, and a class archive checks the times of its jars.
  find "$root" -name '*.jar' -exec touch --date=@1 {} +
  jars=("$root"/*.jar "$root"/lib/*.jar)
  shift 2
  (
    cat "$top/tasks/java.options" "$top/docker/java.options"
    (($# == 0)) || printf '%s\n' "$@"
    IFS=:
    printf '%s\n' -cp "${jars[*]#"${root%/opt/retune}"}"
  ) > "$root/java.options"
}

# Becomes a family's JVM, with the class path in the stage instead of /opt/retune.
become() { # become FAMILY OPTION… MAIN ARGUMENT…
  local root=$stage/$1
  shift
  sed "s#/opt/#$root/opt/#g" "$root/opt/retune/java.options" > "$root.options"
  exec "$stage/java/opt/java/bin/java" "@$root.options" "$@"
}

# Runs a step and records the classes that it loads.
rehearse() { # rehearse FAMILY STEP ARGUMENT…
  local family=$1 step=$2
  shift
  (become "$family" -Xshare:off "-XX:DumpLoadedClassList=$stage/$family.$step.classes" retune.runtime.Main "$@") \
    > "$stage/$step.json" 2> "$stage/$step.log" || fail "The rehearsal of $step failed; see $stage/$step.log."
}

# Runs a day of the example's loop and lists the classes that each family loads, sorted and without the ids that depend
# on the order of events.
rehearsals() {
  local example=$top/examples/credit-default day=2026-01-05 store batch version family
  mkfifo "$stage/address"
  become store -Xshare:off "-XX:DumpLoadedClassList=$stage/store.store.classes" retune.devstore.Main --port 0 \
    --data "$stage/data" > "$stage/address" 2> "$stage/store.log" &
  store=$!
  # shellcheck disable=SC2064 # expanded now on purpose
  trap "kill $store 2> /dev/null || true" EXIT
  RETUNE_MONGO_URI=$(head -n 1 "$stage/address")
  export RETUNE_MONGO_URI RETUNE_RUN_ID=rehearsal PYTORCH_FLAVOR=cpu PYTORCH_LIBRARY_PATH=$stage/torch/opt/torch \
    XGBOOST_LIBRARY_PATH=$stage/torch/opt/torch PYTORCH_LIBRARY_EXCLUSION=libxgboost4j.so
  batch=credit-default/$day

  rehearse light register_distribution --model credit-default --path "$example/distribution.json"
  rehearse light register_model --path "$example/finetuned" --champion
  rehearse light generate_data --model credit-default --logical-date $day --rows 300
  rehearse light process_data --model credit-default --logical-date $day
  rehearse light load_latest_model --model credit-default
  version=$(sed 's/.*"model_id":"\([^"]*\)".*/\1/' "$stage/load_latest_model.json")
  rehearse light evaluate_model --model-id "$version" --data-path $batch
  rehearse light check_model_performance --model-id "$version" --data-path $batch --metric f1_macro --threshold 0.99
  rehearse light prepare_retraining_data --model-id "$version" --data-path $batch
  rehearse learning finetune_model --model-id "$version" --data-path $batch --attempt 1 --metric f1_macro
  kill "$store"
  wait "$store" || true
  for family in store light learning; do
    sed -e '/^#/d' -e '/^@cp/d' -e 's/ id:.*//' "$stage/$family".*.classes | LC_ALL=C sort -u > "$top/docker/classes/$family.txt"
  done
}

# Writes a family's class archive with its JVM and class path under /opt, as in its image. An archive contains the path of its
# class path, so that one made in the stage would differ from folder to folder; it does where the kernel does not let users
# mount. Java's table of open jars hashes their inodes, and where many collide, other code runs and is archived: those of a new
# tmpfs are in a row.
archive_in_image() { # archive_in_image FAMILY OPTION…
  local family=$1 opt=$stage/opt
  local retune=$stage/$family/opt/retune
  shift
  if unshare --user --map-root-user --mount true 2> /dev/null; then
    mkdir -p "$opt/java" "$opt/retune"
    # shellcheck disable=SC2016 # for the shell in there
    unshare --user --map-root-user --mount bash -euc 'exec 3> "$2/retune.aot"
      mount --bind "$1" "$3/java"
      mount -t tmpfs tmpfs "$3/retune"
      cp -a "$2/." "$3/retune/"
      mount --rbind "$3" /opt
      shift 3
      /opt/java/bin/java @/opt/retune/java.options -XX:SharedArchiveFile=/opt/retune/retune.aot "$@"
      cat /opt/retune/retune.aot >&3' bash "$stage/java/opt/java" "$retune" "$opt" "$@"
    return
  fi
  echo "This kernel does not let users mount, so the images' digests depend on the folder of the build." >&2
  (become "$family" -XX:SharedArchiveFile="$retune/retune.aot" "${@//\/opt\/retune/$retune}")
}

# Archives the classes in a family's list, parsed and linked ahead of time. The same list, jars and JDK give the same bytes.
# The lists are kept in docker/classes, because a rehearsal loads a few classes more or less each time.
archive() { # archive FAMILY OPTION…
  cp "$top/docker/classes/$1.txt" "$stage/$1/opt/retune/classes.txt"
  archive_in_image "$@" -Xshare:dump -XX:SharedClassListFile=/opt/retune/classes.txt > "$stage/$1.log" 2>&1 ||
    fail "The class archive of the $1 images failed; see $stage/$1.log."
  rm "$stage/$1/opt/retune/classes.txt"
  echo -XX:AOTCache=/opt/retune/retune.aot >> "$stage/$1/opt/retune/java.options"
}

sidecar() {
  mkdir -p "$stage/sidecar/bin"
  dpkg-deb --fsys-tarfile "$stage/packages"/busybox-static_*.deb | tar -x -O ./bin/busybox > "$stage/sidecar/bin/sh"
  cp "$top/docker/pgrep" "$stage/sidecar/bin/"
  chmod 755 "$stage/sidecar/bin"/*
}

rm -rf "$stage"
mkdir -p "$stage"
(packages)
base
runtime
torch
class_path store devstore
mkdir -m 777 "$stage/store/data"
class_path light serving --add-modules=jdk.incubator.vector
class_path learning loop --add-modules=jdk.incubator.vector
sidecar
if [[ ${2:-} == rehearse ]]; then
  rehearsals
else
  archive store # linking ahead would archive soft references, which contain the time
  archive light -XX:+AOTClassLinking
  archive learning -XX:+AOTClassLinking
fi
