package retune.devstore;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.h2.mvstore.Cursor;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;

/**
 * What a data file holds, compared with its last commit.
 *
 * @param documents the number of readable documents in each collection
 * @param loss what is lost, in one sentence; empty if nothing is
 */
record DataCheck(SortedMap<String, Long> documents, Optional<String> loss) {
  private static final int NAMED_AT_MOST = 5;

  /**
   * Compares the file's version and length with the record of its last commit. Reads the whole file
   * if they differ or there is no record.
   */
  static DataCheck quick(Path folder) throws IOException {
    return of(folder, false);
  }

  /** Reads the whole file. */
  static DataCheck full(Path folder) throws IOException {
    return of(folder, true);
  }

  private static DataCheck of(Path folder, boolean readAll) throws IOException {
    Path file = folder.resolve(DataFile.NAME);
    Optional<CommitRecord> last = CommitRecord.read(folder.resolve(DataFile.RECORD_NAME));
    long bytes = Files.exists(file) ? Files.size(file) : 0;
    if (bytes == 0) {
      return compare(file, 0, last, new TreeMap<>(), new TreeMap<>(), List.of());
    }
    MVStore store = new MVStore.Builder().fileName(file.toString()).readOnly().open();
    try {
      long version = store.getCurrentVersion();
      SortedMap<String, Long> stored = DataFile.documents(DataFile.collections(store));
      boolean asRecorded =
          last.filter(record -> record.version() == version && record.bytes() <= bytes).isPresent();
      if (asRecorded && !readAll) {
        return new DataCheck(stored, Optional.empty());
      }
      SortedMap<String, Long> readable = new TreeMap<>();
      List<String> damagedOthers = new ArrayList<>();
      for (String name : store.getMapNames()) {
        MVMap<Object, Object> map = store.openMap(name);
        long entries = readableEntries(map);
        if (DataFile.isCollection(name)) {
          readable.put(DataFile.collection(name), entries);
        } else if (entries < map.sizeAsLong()) {
          damagedOthers.add(name);
        }
      }
      return compare(file, version, last, stored, readable, damagedOthers);
    } finally {
      store.closeImmediately();
    }
  }

  /** How many entries can be read, from the first one up to the first that is damaged. */
  private static long readableEntries(MVMap<Object, Object> map) {
    long count = 0;
    try {
      Cursor<Object, Object> cursor = map.cursor(null);
      while (cursor.hasNext()) {
        cursor.next();
        count++;
      }
    } catch (RuntimeException damaged) {
      return count;
    }
    return count;
  }

  private static DataCheck compare(
      Path file,
      long version,
      Optional<CommitRecord> last,
      SortedMap<String, Long> stored,
      SortedMap<String, Long> readable,
      List<String> damagedOthers) {
    long missingCommits = last.map(CommitRecord::version).orElse(0L) - version;
    // A process that was killed after a commit left the record of the one before it.
    SortedMap<String, Long> expected =
        missingCommits < 0 ? stored : last.map(CommitRecord::documents).orElse(stored);
    List<String> incomplete = new ArrayList<>();
    long documents = 0;
    long found = 0;
    for (var collection : expected.entrySet()) {
      long here = readable.getOrDefault(collection.getKey(), 0L);
      documents += collection.getValue();
      found += Math.min(here, collection.getValue());
      if (here < collection.getValue()) {
        incomplete.add(of(here, collection.getValue()) + " in " + collection.getKey());
      }
    }
    Optional<String> lost = Optional.empty();
    if (!incomplete.isEmpty()) {
      lost =
          Optional.of(
              "only " + of(found, documents) + " documents can be read (" + list(incomplete) + ")");
    } else if (missingCommits > 0) {
      lost = Optional.of("its last " + missingCommits + " commits are missing");
    } else if (!damagedOthers.isEmpty()) {
      lost = Optional.of("its indexes cannot be read (" + list(damagedOthers) + ")");
    }
    return new DataCheck(
        readable, lost.map(what -> "The data file '" + file + "' is damaged: " + what + "."));
  }

  private static String of(long part, long whole) {
    return String.format(Locale.ROOT, "%,d of %,d", part, whole);
  }

  private static String list(List<String> items) {
    int more = items.size() - NAMED_AT_MOST;
    String named = String.join(", ", more > 0 ? items.subList(0, NAMED_AT_MOST) : items);
    return more > 0 ? named + " and " + more + " more" : named;
  }
}
