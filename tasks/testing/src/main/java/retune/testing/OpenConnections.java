package retune.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Many connections to a service on this machine that say no more than a beginning. A process of
 * their own holds them, because one process may not open as many files as both ends need.
 */
public final class OpenConnections implements AutoCloseable {
  private final Process process;

  private OpenConnections(Process process) {
    this.process = process;
  }

  /**
   * Opens connections, one after the other.
   *
   * @param beginning what each sends; nothing if empty
   */
  public static OpenConnections open(int port, int count, String beginning) throws IOException {
    Process process =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                OpenConnections.class.getName(),
                Integer.toString(port),
                Integer.toString(count),
                beginning)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    OpenConnections opened = new OpenConnections(process);
    String said =
        new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))
            .readLine();
    if (!Integer.toString(count).equals(said)) {
      opened.close();
      throw new AssertionError("%d connections were not opened: %s".formatted(count, said));
    }
    return opened;
  }

  /** Opens them, and holds them until standard input ends. */
  public static void main(String[] arguments) throws IOException {
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0]));
    byte[] beginning = arguments[2].getBytes(StandardCharsets.US_ASCII);
    List<SocketChannel> open = new ArrayList<>();
    for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
      SocketChannel channel = SocketChannel.open(address);
      channel.write(ByteBuffer.wrap(beginning));
      open.add(channel);
    }
    System.out.println(open.size());
    System.in.read();
  }

  /** Closes all of them. */
  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
