package retune.serving;

import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Reads requests' bodies, of which only so much is in memory at once. */
final class Requests {
  /** Largest body: 1,000 rows of 200 columns with long names fit. */
  private static final int MOST_BYTES = 8 << 20;

  /** A body of so many bytes takes several times as much as columns and answers. */
  private static final int SHARE_OF_HEAP = 16;

  /** Of a body that is too large; whoever sends more is cut off. */
  private static final long MOST_DISCARDED = 256L << 20;

  private static final int WAIT_SECONDS = 2;
  private static final int PIECE = 1 << 16;

  /** A body of an answer's work. */
  interface Work<T> {
    T with(byte[] body);
  }

  private final int mostBytes;

  /** Pieces of bodies that may still be held. */
  private final Semaphore room;

  /**
   * For a heap of that size.
   *
   * @param heap in bytes
   */
  Requests(long heap) {
    long most = Math.max(heap / SHARE_OF_HEAP, PIECE);
    mostBytes = (int) Math.min(MOST_BYTES, most);
    room = new Semaphore((int) Math.min(most / PIECE, Integer.MAX_VALUE));
  }

  /**
   * Reads the body and works on it, as soon as there is room for it.
   *
   * @throws Refusal where it is too large, or no room is to be had within 2 s
   */
  <T> T read(HttpExchange exchange, Work<T> work) throws IOException {
    String announced = exchange.getRequestHeaders().getFirst("Content-Length");
    if (announced != null && Long.parseLong(announced.strip()) > mostBytes) {
      throw tooLarge(exchange);
    }
    int pieces = 0;
    try {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      InputStream in = exchange.getRequestBody();
      for (byte[] piece = in.readNBytes(PIECE); piece.length > 0; piece = in.readNBytes(PIECE)) {
        if (body.size() + piece.length > mostBytes) {
          throw tooLarge(exchange);
        }
        // Room is taken for what has come, so that nobody holds it by sending slowly.
        if (!acquire()) {
          throw new Refusal(503, "Too many requests are being answered; try again in a second.");
        }
        pieces++;
        body.write(piece);
      }
      return work.with(body.toByteArray());
    } finally {
      room.release(pieces);
    }
  }

  private boolean acquire() {
    try {
      return room.tryAcquire(WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Reads on without keeping it: a caller who is still sending would not see the answer. */
  private Refusal tooLarge(HttpExchange exchange) throws IOException {
    byte[] rest = new byte[PIECE];
    long read = 0;
    for (int count = 0; count >= 0 && read < MOST_DISCARDED; read += count) {
      count = exchange.getRequestBody().read(rest);
    }
    return new Refusal(
        413,
        "The request's body is larger than %d bytes; send the rows in parts.".formatted(mostBytes));
  }
}
