package retune.runtime.store;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Consecutive rows of a batch, named by their content: {@code hash/first row/rows}, with {@code
 * /columns} appended if there are no row documents.
 *
 * @param hash 16 hexadecimal digits; within a batch, equal hashes mean equal rows
 * @param first position of the first row in the batch
 * @param documents whether each row is also kept as a document
 */
record Chunk(String hash, int first, int rows, boolean documents) {
  /** The maximum number of rows per chunk. */
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

  /** The id of the document that holds the chunk's columns. */
  String id(String batchId) {
    return rowId(batchId, first);
  }

  /** The ids of the row documents. Their lexical order is the order of the rows. */
  List<String> rowIds(String batchId) {
    return IntStream.range(first, first + rows).mapToObj(row -> rowId(batchId, row)).toList();
  }

  private String rowId(String batchId, int row) {
    return "%s/%s/%08d".formatted(batchId, hash, row);
  }

  /** The positions 0 … rows − 1 in slices of up to {@link #ROWS}. */
  static List<int[]> slices(int rows) {
    return IntStream.range(0, Math.ceilDiv(rows, ROWS))
        .mapToObj(
            slice -> IntStream.range(slice * ROWS, Math.min((slice + 1) * ROWS, rows)).toArray())
        .toList();
  }
}
