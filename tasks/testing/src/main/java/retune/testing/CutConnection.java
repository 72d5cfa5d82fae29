package retune.testing;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A way to a document store that breaks for good at the n-th write, just before the store gets it
 * or just after the store has answered: all that a step killed at that moment leaves behind.
 */
public final class CutConnection implements AutoCloseable {
  /** On which side of the write the connection breaks. */
  public enum Moment {
    BEFORE_WRITE,
    AFTER_WRITE
  }

  private static final Set<String> WRITES = Set.of("insert", "update", "delete", "findAndModify");

  /** Of a message: length, request, response, kind; flags; section; length and type of the body. */
  private static final int HEADER = 16;

  private static final int COMMAND = HEADER + 4 + 1 + 4 + 1;

  private final URI store;
  private final int fatalWrite;
  private final Moment moment;
  private final ServerSocket listener;
  private final AtomicInteger writes = new AtomicInteger();
  private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();

  public CutConnection(String storeUri, int fatalWrite, Moment moment) throws IOException {
    this.store = URI.create(storeUri);
    this.fatalWrite = fatalWrite;
    this.moment = moment;
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofPlatform().daemon().start(this::accept);
  }

  public String uri() {
    return "mongodb://127.0.0.1:" + listener.getLocalPort() + store.getPath();
  }

  public boolean broke() {
    return writes.get() >= fatalWrite;
  }

  @Override
  public void close() {
    try {
      listener.close();
      for (Socket socket : sockets) {
        socket.close();
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listener.accept();
        sockets.add(client);
        Socket server = new Socket(store.getHost(), store.getPort());
        sockets.add(server);
        Thread.ofPlatform().daemon().start(() -> relay(client, server));
      }
    } catch (IOException e) {
      // closed: nobody is accepted any more
    }
  }

  /** A client waits for the answer of each message before it sends the next. */
  private void relay(Socket client, Socket server) {
    try (client;
        server) {
      DataInputStream requests = new DataInputStream(client.getInputStream());
      DataInputStream answers = new DataInputStream(server.getInputStream());
      while (true) {
        byte[] request = message(requests);
        boolean fatal = isWrite(request) && writes.incrementAndGet() == fatalWrite;
        if (fatal && moment == Moment.BEFORE_WRITE) {
          close();
          return;
        }
        send(server.getOutputStream(), request);
        byte[] answer = message(answers);
        if (fatal) {
          close();
          return;
        }
        send(client.getOutputStream(), answer);
      }
    } catch (IOException e) {
      // one side hung up, which ends the other's connection too
    }
  }

  private static void send(OutputStream stream, byte[] message) throws IOException {
    stream.write(message);
    stream.flush();
  }

  private static byte[] message(InputStream stream) throws IOException {
    byte[] length = stream.readNBytes(Integer.BYTES);
    if (length.length < Integer.BYTES) {
      throw new IOException("closed");
    }
    int rest = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getInt() - Integer.BYTES;
    ByteArrayOutputStream message = new ByteArrayOutputStream();
    message.write(length);
    message.write(stream.readNBytes(rest));
    return message.toByteArray();
  }

  private static boolean isWrite(byte[] message) {
    String rest =
        new String(message, COMMAND, message.length - COMMAND, StandardCharsets.ISO_8859_1);
    return WRITES.contains(rest.substring(0, Math.max(0, rest.indexOf(0))));
  }
}
