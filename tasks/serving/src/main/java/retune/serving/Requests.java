package retune.serving;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
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
  private static final int KILOBYTE = 1 << 10;

  /** A body of an answer's work. */
  interface Work<T> {
    T with(byte[] body);
  }

  private final int mostBytes;
  private final Semaphore kilobytes;

  /**
   * For a heap of that size.
   *
   * @param heap in bytes
   */
  Requests(long heap) {
    long room = Math.max(heap / SHARE_OF_HEAP, KILOBYTE);
    mostBytes = (int) Math.min(MOST_BYTES, room);
    kilobytes = new Semaphore((int) Math.min(room / KILOBYTE, Integer.MAX_VALUE), true);
  }

  /**
   * Reads the body and works on it, as soon as there is room for it.
   *
   * @throws Refusal where it is too large, or no room is to be had within 2 s
   */
  <T> T read(HttpExchange exchange, Work<T> work) throws IOException {
    long length = length(exchange);
    if (length > mostBytes) {
      throw tooLarge(exchange);
    }
    int cost = (int) (length / KILOBYTE) + 1;
    int taken = Math.min(cost, mostBytes / KILOBYTE);
    if (!acquire(taken)) {
      throw new Refusal(503, "Too many requests are being answered; try again in a second.");
    }
    try {
      byte[] body = exchange.getRequestBody().readNBytes(mostBytes + 1);
      if (body.length > mostBytes) {
        throw tooLarge(exchange);
      }
      return work.with(body);
    } finally {
      kilobytes.release(taken);
    }
  }

  /** The announced length; where none is announced, as much as may be. */
  private long length(HttpExchange exchange) {
    String announced = exchange.getRequestHeaders().getFirst("Content-Length");
    return announced == null ? mostBytes : Long.parseLong(announced.strip());
  }

  private boolean acquire(int cost) {
    try {
      return kilobytes.tryAcquire(cost, WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Reads on without keeping it: a caller who is still sending would not see the answer. */
  private Refusal tooLarge(HttpExchange exchange) throws IOException {
    byte[] rest = new byte[1 << 16];
    long read = 0;
    for (int count = 0; count >= 0 && read < MOST_DISCARDED; read += count) {
      count = exchange.getRequestBody().read(rest);
    }
    return new Refusal(
        413,
        "The request's body is larger than %d bytes; send the rows in parts.".formatted(mostBytes));
  }
}
