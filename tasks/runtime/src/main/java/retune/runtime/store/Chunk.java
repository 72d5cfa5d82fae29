package retune.runtime.store;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Consecutive rows of a batch, named by content: {@code hash/first row/rows}, and {@code /columns}
 * where they have no documents.
 *
 * @param hash 16 hexadecimal digits; equal hashes in one batch mean equal rows
 * @param first the first row's position in the batch
 * @param documents whether the rows are kept as a document each, too
 */
record Chunk(String hash, int first, int rows, boolean documents) {
  /** Rows a chunk at most. */
  static final int ROWS = 1_000;

  private static final int HASH_DIGITS = 16;
  private static final String COLUMNS_ALONE = "columns";

  static Chunk of(String sha256, int first, int rows) {
    return new Chunk(sha256.substring(0, HASH_DIGITS), first, rows, false);
  }

  Chunk withDocuments() {
    return new Chunk(hash, first, rows, true);
  }

  Chunk withoutDocuments() {
    return new Chunk(hash, first, rows, false);
  }

  static Chunk parse(String name) {
    String[] parts = name.split("/", -1);
    return new Chunk(
        parts[0], Integer.parseInt(parts[1]), Integer.parseInt(parts[2]), parts.length == 3);
  }

  String name() {
    return hash + "/" + first + "/" + rows + (documents ? "" : "/" + COLUMNS_ALONE);
  }

  /** The id of the chunk's document where it is kept as columns. */
  String id(String batchId) {
    return rowId(batchId, first);
  }

  /** The ids of the rows' documents, in order and sorting so. */
  List<String> rowIds(String batchId) {
    return IntStream.range(first, first + rows).mapToObj(row -> rowId(batchId, row)).toList();
  }

  private String rowId(String batchId, int row) {
    return "%s/%s/%08d".formatted(batchId, hash, row);
  }

  /** The positions 0 … rows − 1, cut into slices of up to {@link #ROWS}. */
  static List<int[]> slices(int rows) {
    return IntStream.range(0, Math.ceilDiv(rows, ROWS))
        .mapToObj(
            slice -> IntStream.range(slice * ROWS, Math.min((slice + 1) * ROWS, rows)).toArray())
        .toList();
  }
}
