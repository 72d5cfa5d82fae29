package retune.devstore;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32;

/**
 * What the data file held after its last commit. The record is a file of its own, because a data
 * file that lost its end opens as an older version of itself.
 *
 * @param version the data file's version, which grows with every commit
 * @param bytes the length of the data file
 * @param documents the number of documents in each collection, by {@code database.collection}
 */
record CommitRecord(long version, long bytes, SortedMap<String, Long> documents) {
  private static final int HEADER_BYTES = 2 * Integer.BYTES;

  /** Reads a record; empty if there is none, or if a power cut left it incomplete. */
  static Optional<CommitRecord> read(Path file) throws IOException {
    ByteBuffer content;
    try {
      content = ByteBuffer.wrap(Files.readAllBytes(file));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    if (content.remaining() < HEADER_BYTES) {
      return Optional.empty();
    }
    int checksum = content.getInt();
    int length = content.getInt();
    // The rest of a longer record that this one replaced may follow.
    if (length < 0 || length > content.remaining()) {
      return Optional.empty();
    }
    byte[] body = new byte[length];
    content.get(body);
    return checksum == checksum(body) ? Optional.of(parse(body)) : Optional.empty();
  }

  /** Replaces the record in the file with this one. */
  void write(FileChannel file) throws IOException {
    byte[] body = body();
    ByteBuffer content = ByteBuffer.allocate(HEADER_BYTES + body.length);
    content.putInt(checksum(body)).putInt(body.length).put(body).flip();
    while (content.hasRemaining()) {
      file.write(content, content.position());
    }
  }

  private byte[] body() throws IOException {
    ByteArrayOutputStream bytesOut = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytesOut);
    out.writeLong(version);
    out.writeLong(bytes);
    out.writeInt(documents.size());
    for (Map.Entry<String, Long> count : documents.entrySet()) {
      out.writeUTF(count.getKey());
      out.writeLong(count.getValue());
    }
    return bytesOut.toByteArray();
  }

  private static CommitRecord parse(byte[] body) throws IOException {
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(body));
    long version = in.readLong();
    long bytes = in.readLong();
    SortedMap<String, Long> documents = new TreeMap<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      documents.put(in.readUTF(), in.readLong());
    }
    return new CommitRecord(version, bytes, documents);
  }

  private static int checksum(byte[] body) {
    CRC32 crc = new CRC32();
    crc.update(body);
    return (int) crc.getValue();
  }
}
