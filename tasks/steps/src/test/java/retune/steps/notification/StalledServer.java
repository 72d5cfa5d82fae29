package retune.steps.notification;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A server that accepts, says something and then repeats a drop for ever, or says nothing more. */
final class StalledServer implements AutoCloseable {
  private static final int MILLIS_BETWEEN_DROPS = 50;

  private final ServerSocket listener;
  private final String beginning;
  private final String drop;

  StalledServer(String beginning, String drop) {
    this.beginning = beginning;
    this.drop = drop;
    try {
      listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  private void accept() {
    while (true) {
      try {
        Socket client = listener.accept();
        Thread.ofVirtual().start(() -> stall(client));
      } catch (IOException closed) {
        return;
      }
    }
  }

  private void stall(Socket client) {
    try (client;
        OutputStream out = client.getOutputStream()) {
      out.write(beginning.getBytes(StandardCharsets.US_ASCII));
      out.flush();
      while (!listener.isClosed()) {
        Thread.sleep(MILLIS_BETWEEN_DROPS);
        out.write(drop.getBytes(StandardCharsets.US_ASCII));
        out.flush();
      }
    } catch (IOException hungUp) {
      // the client gave up, which is what it should do
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    try {
      listener.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
