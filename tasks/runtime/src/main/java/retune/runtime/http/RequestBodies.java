package retune.runtime.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Reads request bodies and limits how much of them is in memory at once. */
public final class RequestBodies {
  /** Bodies get this share of the heap: parsed columns and answers take several times as much. */
  private static final int SHARE_OF_HEAP = 16;

  /**
   * How much of a body that is too large is read and dropped before the connection is cut. A body
   * that announces more is not read at all.
   */
  private static final long MOST_DISCARDED = 256L << 20;

  /** The same of a body whose length nobody announces, and which may never end. */
  private static final long MOST_DISCARDED_OF_UNKNOWN = 16L << 20;

  private static final int WAIT_SECONDS = 2;
  private static final int PIECE = 1 << 16;

  /** Work on a body. */
  public interface Work<T> {
    T with(byte[] body);
  }

  private final int mostBytes;
  private final String advice;

  /** Pieces of bodies that still fit into memory. */
  private final Semaphore room;

  /**
   * Limits for a heap.
   *
   * @param heap its maximum size in bytes
   * @param most maximum size of a body in bytes, where the heap is large enough
   * @param advice what to do about a body that is too large: {@code send less}
   */
  public RequestBodies(long heap, int most, String advice) {
    this.advice = advice;
    int pieces = Math.clamp(heap / SHARE_OF_HEAP / PIECE, 1, Integer.MAX_VALUE);
    mostBytes = (int) Math.min(most, (long) pieces * PIECE);
    room = new Semaphore(pieces);
  }

  /**
   * Reads the body and works on it, as soon as there is room for it.
   *
   * @throws Refusal 413 if the body is too large, 503 if there is no room within 2 s
   */
  public <T> T read(HttpExchange exchange, Work<T> work) throws IOException {
    String announced = exchange.getRequestHeaders().getFirst("Content-Length");
    long length = announced == null ? 0 : Long.parseLong(announced.strip());
    long discarded = announced == null ? MOST_DISCARDED_OF_UNKNOWN : MOST_DISCARDED;
    if (length > MOST_DISCARDED) {
      throw tooLarge();
    }
    if (length > mostBytes) {
      throw tooLarge(exchange, discarded);
    }
    // Most bodies are far smaller than a piece.
    int most = announced == null ? PIECE : Math.clamp(length, 1, PIECE);
    int pieces = 0;
    try {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      InputStream in = exchange.getRequestBody();
      for (byte[] piece = in.readNBytes(most); piece.length > 0; piece = in.readNBytes(most)) {
        if (body.size() + piece.length > mostBytes) {
          throw tooLarge(exchange, discarded);
        }
        // Room is taken only for what has arrived, so that a slow sender does not block others.
        if (!acquire()) {
          throw new Refusal(503, "The service is overloaded; try again in a second.");
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

  /** Drops the rest of the body: a caller that is still sending would not see the answer. */
  private Refusal tooLarge(HttpExchange exchange, long most) throws IOException {
    byte[] rest = new byte[PIECE];
    long read = 0;
    for (int count = 0; count >= 0 && read < most; read += count) {
      count = exchange.getRequestBody().read(rest);
    }
    return tooLarge();
  }

  private Refusal tooLarge() {
    return new Refusal(
        413, "The request body is larger than %d bytes; %s.".formatted(mostBytes, advice));
  }
}
