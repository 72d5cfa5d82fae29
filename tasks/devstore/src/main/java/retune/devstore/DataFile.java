package retune.devstore;

import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.MVStoreException;
import retune.devstore.EmbeddedStore.CannotStartException;

/**
 * The file that holds the documents, {@code retune.mv}, and beside it {@code retune.commit}, the
 * {@link CommitRecord} that tells a whole file from a damaged one. Only the owner may read them.
 *
 * <p>Not safe for use by several threads.
 */
final class DataFile {
  static final String NAME = "retune.mv";
  static final String RECORD_NAME = "retune.commit";

  private static final String COLLECTION_PREFIX = "databases.";
  private static final String MANUAL = "see docs/how-to/back-up-and-restore.md.";

  /** How long the file keeps what was replaced; longer, and it grows with every commit. */
  private static final int RETENTION_MILLIS = 1_000;

  /** The percentage of the file that must be in use; below it, old chunks are rewritten. */
  private static final int FILL_PERCENT = 50;

  /**
   * The share of the heap for documents that were read. A query by a range of ids reads its whole
   * collection, which takes many times as long from the file.
   */
  private static final int CACHE_SHARE = 8;

  /** What the library takes by itself. */
  private static final int LEAST_CACHE_MEGABYTES = 16;

  private static final int COMPACTED_AT_ONCE = 4 << 20;
  private static final long NANOS_BETWEEN_COMPACTIONS = 1_000_000_000;

  private final MVStore store;
  private final Path file;
  private final FileChannel record;
  private final boolean fsync;
  private final Optional<String> loss;
  private long compactedAt = System.nanoTime();
  private SortedMap<String, MVMap<?, ?>> collections = new TreeMap<>();
  private long collectionsVersion = -1;

  private DataFile(
      MVStore store, Path file, FileChannel record, boolean fsync, Optional<String> loss) {
    this.store = store;
    this.file = file;
    this.record = record;
    this.fsync = fsync;
    this.loss = loss;
  }

  private static int cacheMegabytes() {
    long share = (Runtime.getRuntime().maxMemory() / CACHE_SHARE) >> 20;
    return (int) Math.max(LEAST_CACHE_MEGABYTES, share);
  }

  /**
   * Opens the data file of a folder, and creates both if they are missing.
   *
   * @param fsync whether a commit waits for the disk
   * @param acceptLoss whether to open a file that has lost data
   * @throws CannotStartException if the folder cannot be used, or if data is lost and that is not
   *     accepted; the file is unchanged then
   */
  static DataFile open(Path folder, boolean fsync, boolean acceptLoss) {
    try {
      createFolder(folder);
      DataCheck check = DataCheck.quick(folder);
      if (check.loss().isPresent() && !acceptLoss) {
        throw new CannotStartException(
            check.loss().get()
                + " Restore a backup, or add --accept-loss to continue with what is left; "
                + MANUAL,
            null);
      }
      Path file = ownFile(folder.resolve(NAME));
      Path record = ownFile(folder.resolve(RECORD_NAME));
      // Only explicit commits: one in the middle of an operation would keep half of it.
      MVStore store =
          new MVStore.Builder()
              .fileName(file.toString())
              .autoCommitDisabled()
              .autoCommitBufferSize(0)
              .cacheSize(cacheMegabytes())
              .open();
      store.setVersionsToKeep(0);
      store.setRetentionTime(RETENTION_MILLIS);
      DataFile opened =
          new DataFile(
              store, file, FileChannel.open(record, StandardOpenOption.WRITE), fsync, check.loss());
      opened.writeRecord(collections(store), store.getFileStore().size());
      return opened;
    } catch (IOException | MVStoreException e) {
      throw cannotOpen(folder, e);
    }
  }

  /**
   * Reads the whole data file of a folder.
   *
   * @throws CannotStartException if the file cannot be read or has lost data
   */
  static DataCheck check(Path folder) {
    try {
      DataCheck check = DataCheck.full(folder);
      if (check.loss().isPresent()) {
        throw new CannotStartException(check.loss().get(), null);
      }
      if (!Files.exists(folder.resolve(NAME))) {
        throw new CannotStartException(
            "There is no data file '" + folder.resolve(NAME) + "'; name its folder with --data.",
            null);
      }
      return check;
    } catch (IOException | MVStoreException e) {
      throw cannotOpen(folder, e);
    }
  }

  MVStore store() {
    return store;
  }

  /** What was lost and accepted, in one sentence. */
  Optional<String> loss() {
    return loss;
  }

  /** Writes everything since the last commit to the file. */
  void commit() throws IOException {
    store.commit();
    if (fsync) {
      store.sync();
    }
    if (System.nanoTime() - compactedAt > NANOS_BETWEEN_COMPACTIONS) {
      store.compact(FILL_PERCENT, COMPACTED_AT_ONCE);
      compactedAt = System.nanoTime();
    }
    // Finding the collections takes up to a fifth of a commit, and they seldom change.
    long namesVersion = store.getMetaMap().getVersion();
    if (namesVersion != collectionsVersion) {
      collections = collections(store);
      collectionsVersion = namesVersion;
    }
    writeRecord(collections, store.getFileStore().size());
  }

  /** Closes the file; a second call has no effect. */
  void close() throws IOException {
    if (store.isClosed()) {
      return;
    }
    SortedMap<String, Long> documents = documents(collections(store));
    store.close();
    new CommitRecord(store.getCurrentVersion(), Files.size(file), documents).write(record);
    record.close();
  }

  private void writeRecord(SortedMap<String, MVMap<?, ?>> collections, long bytes)
      throws IOException {
    new CommitRecord(store.getCurrentVersion(), bytes, documents(collections)).write(record);
  }

  /** The maps that hold the documents of each collection, by {@code database.collection}. */
  static SortedMap<String, MVMap<?, ?>> collections(MVStore store) {
    SortedMap<String, MVMap<?, ?>> collections = new TreeMap<>();
    for (String map : store.getMapNames()) {
      if (isCollection(map)) {
        collections.put(collection(map), store.openMap(map));
      }
    }
    return collections;
  }

  /** The number of documents in each collection. */
  static SortedMap<String, Long> documents(SortedMap<String, MVMap<?, ?>> collections) {
    SortedMap<String, Long> documents = new TreeMap<>();
    collections.forEach((name, map) -> documents.put(name, map.sizeAsLong()));
    return documents;
  }

  /** Whether a map holds documents of ours: others are indexes and the server's own. */
  static boolean isCollection(String map) {
    return map.startsWith(COLLECTION_PREFIX) && !map.contains(".system.");
  }

  /** The {@code database.collection} whose documents a map holds. */
  static String collection(String map) {
    return map.substring(COLLECTION_PREFIX.length());
  }

  private static void createFolder(Path folder) throws IOException {
    boolean exists = Files.isDirectory(folder);
    Files.createDirectories(folder);
    // A folder that holds other things as well keeps its permissions.
    if (!exists || Files.exists(folder.resolve(NAME))) {
      restrict(folder, "rwx------");
    }
  }

  private static Path ownFile(Path path) throws IOException {
    if (!Files.exists(path)) {
      Files.createFile(path);
    }
    restrict(path, "rw-------");
    return path;
  }

  private static void restrict(Path path, String permissions) throws IOException {
    PosixFileAttributeView view = Files.getFileAttributeView(path, PosixFileAttributeView.class);
    if (view == null) {
      return;
    }
    try {
      view.setPermissions(PosixFilePermissions.fromString(permissions));
    } catch (FileSystemException e) {
      // A mounted volume may belong to another user, who decides.
      return;
    }
  }

  private static CannotStartException cannotOpen(Path folder, Exception failure) {
    String file = "The data file '" + folder.resolve(NAME) + "' ";
    String message =
        switch (failure) {
          case MVStoreException e when e.getErrorCode() == DataUtils.ERROR_FILE_LOCKED ->
              "The data folder '"
                  + folder
                  + "' is in use by another store; stop that one or choose another with --data.";
          case MVStoreException e
              when e.getErrorCode() == DataUtils.ERROR_FILE_CORRUPT
                  || e.getCause() instanceof EOFException ->
              file
                  + "cannot be opened: it is damaged, or no store wrote it."
                  + lastHeld(folder)
                  + " Restore a backup; "
                  + MANUAL;
          case MVStoreException e when e.getErrorCode() == DataUtils.ERROR_UNSUPPORTED_FORMAT ->
              file + "has a format that this version of the store does not read.";
          default ->
              "The data folder '"
                  + folder
                  + "' cannot be used ("
                  + reason(failure)
                  + "); make it readable and writable or choose another with --data.";
        };
    return new CannotStartException(message, failure);
  }

  private static String lastHeld(Path folder) {
    try {
      return CommitRecord.read(folder.resolve(RECORD_NAME))
          .map(last -> last.documents().values().stream().mapToLong(Long::longValue).sum())
          .map(documents -> String.format(Locale.ROOT, " It held %,d documents.", documents))
          .orElse("");
    } catch (IOException unreadable) {
      return "";
    }
  }

  /** What the operating system said, if it said something. */
  static String reason(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof FileSystemException e && e.getReason() != null) {
        return e.getReason();
      }
      if (cause instanceof IOException) {
        return String.valueOf(cause.getMessage());
      }
    }
    return String.valueOf(failure.getMessage());
  }
}
