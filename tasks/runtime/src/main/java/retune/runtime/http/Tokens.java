package retune.runtime.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * The bearer tokens of those who may change something, from a file that is read again when it
 * changes. A line is {@code NAME TOKEN}; empty lines and those that begin with {@code #} are left
 * out.
 */
public final class Tokens {
  private static final Logger LOG = System.getLogger(Tokens.class.getName());

  /** 24 characters of base64 are 144 bits: nobody guesses that. */
  private static final int SHORTEST = 24;

  private static final String HOW_TO_MAKE =
      "write lines 'NAME TOKEN' into a file that only this service can read, such as"
          + " echo \"ops $(openssl rand -base64 33)\" > tokens";

  private static final String SCHEME = "Bearer ";

  /**
   * Wrong tokens of an address a minute. They are told to wait so that a broken program notices;
   * what keeps anybody from guessing is the tokens' length. A right token always passes: many
   * callers may come from one address, and one of them must not shut out the others.
   */
  public static final int MOST_WRONG = 10;

  /** A token's owner and its SHA-256: the token itself is not kept. */
  public record Entry(String name, byte[] hash) {
    private boolean isSame(Entry other) {
      return name.equals(other.name) && MessageDigest.isEqual(hash, other.hash);
    }
  }

  /** What tells that a file is another one. */
  private record Stamp(FileTime modified, long size, @Nullable Object key) {}

  private final @Nullable Path file;
  private final RateLimit wrong;
  private @Nullable Stamp stamp;
  private List<Entry> entries = List.of();

  /**
   * Tokens of a file.
   *
   * @param file null if nobody may steer
   * @throws InvalidInputException if the file cannot be read or has no token
   */
  public Tokens(@Nullable Path file, Clock clock) {
    this.file = file;
    this.wrong = new RateLimit(MOST_WRONG, clock);
    if (file != null) {
      try {
        refresh(file);
      } catch (IOException e) {
        throw new InvalidInputException(unreadable(file), e);
      }
    }
  }

  /**
   * Whose token a request has.
   *
   * @throws Refusal 403 if nobody may steer, 401 without a valid token, 429 after too many wrong
   *     ones, 503 if the file has become unreadable
   */
  public String holder(HttpExchange exchange) {
    List<Entry> current = entries();
    Optional<String> given =
        Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization"))
            .filter(header -> header.regionMatches(true, 0, SCHEME, 0, SCHEME.length()))
            .map(header -> header.substring(SCHEME.length()).strip());
    Optional<String> name = given.flatMap(token -> entry(current, token)).map(Entry::name);
    if (name.isEmpty()) {
      if (given.isPresent()) {
        countWrong(exchange);
      }
      exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer realm=\"retune\"");
      throw new Refusal(
          401,
          given.isPresent()
              ? "The token is not valid; it may have been replaced. Ask whoever runs this service."
              : "This call needs a token; send the header 'Authorization: Bearer TOKEN'.");
    }
    Caller.is(name.get());
    return name.get();
  }

  /** Whether the service has tokens, so that somebody may steer. */
  public boolean exist() {
    return file != null;
  }

  /**
   * The line of a name and its token, which a person typed.
   *
   * @throws Refusal 401 if they are not those of one line; else as {@link #holder}
   */
  public Entry logIn(HttpExchange exchange, String name, String token) {
    Optional<Entry> entry = entry(entries(), token).filter(line -> line.name.equals(name));
    if (entry.isEmpty()) {
      countWrong(exchange);
      throw new Refusal(
          401,
          "This name and this token are not those of one line of the token file. Check both, or ask"
              + " whoever runs this service.");
    }
    Caller.is(name);
    return entry.get();
  }

  /**
   * Whether the line is still in the file.
   *
   * @throws Refusal 503 if the file has become unreadable
   */
  public boolean has(Entry line) {
    return file != null && current(file).stream().anyMatch(line::isSame);
  }

  private List<Entry> entries() {
    if (file == null) {
      throw new Refusal(
          403,
          "This service only tells, because it has no tokens. To steer, %s, and start it with --token-file."
              .formatted(HOW_TO_MAKE));
    }
    return current(file);
  }

  /** Refuses a wrong token with 429 where too many came from its address. */
  private void countWrong(HttpExchange exchange) {
    String address = Caller.address(exchange);
    int seconds = wrong.secondsToWait(address);
    if (seconds > 0) {
      throw Refusal.tooMany("Too many wrong tokens came from " + address, seconds);
    }
  }

  /** Compares with every entry, in the same time whichever it is. */
  private static Optional<Entry> entry(List<Entry> entries, String token) {
    byte[] hash = hash(token);
    Entry found = null;
    for (Entry entry : entries) {
      if (MessageDigest.isEqual(entry.hash, hash)) {
        found = entry;
      }
    }
    return Optional.ofNullable(found);
  }

  private synchronized List<Entry> current(Path path) {
    try {
      refresh(path);
      return entries;
    } catch (IOException | InvalidInputException e) {
      LOG.log(
          Level.ERROR,
          e instanceof IOException ? unreadable(path) : String.valueOf(e.getMessage()));
      throw new Refusal(503, "The tokens of this service cannot be read; see its log.");
    }
  }

  private synchronized void refresh(Path path) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
    Stamp now = new Stamp(attributes.lastModifiedTime(), attributes.size(), attributes.fileKey());
    if (now.equals(stamp)) {
      return;
    }
    entries = parse(path, Files.readString(path));
    if (stamp != null) {
      LOG.log(Level.INFO, "Read the tokens again, of {0}.", names());
    }
    stamp = now;
  }

  private List<String> names() {
    return entries.stream().map(Entry::name).toList();
  }

  private static List<Entry> parse(Path path, String text) {
    List<Entry> entries = new ArrayList<>();
    List<String> lines = text.lines().map(String::strip).toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      String[] words = line.split("\\s+", -1);
      if (words.length != 2 || words[1].length() < SHORTEST) {
        throw new InvalidInputException(
            "'%s', line %d: write NAME TOKEN, the token with at least %d characters and without spaces."
                .formatted(path, i + 1, SHORTEST));
      }
      entries.add(new Entry(words[0], hash(words[1])));
    }
    if (entries.isEmpty()) {
      throw new InvalidInputException(
          "The token file '%s' has no token; %s.".formatted(path, HOW_TO_MAKE));
    }
    return List.copyOf(entries);
  }

  private static String unreadable(Path path) {
    return "The token file '%s' cannot be read; check that it exists and that this user may read it."
        .formatted(path);
  }

  private static byte[] hash(String token) {
    try {
      return Objects.requireNonNull(MessageDigest.getInstance("SHA-256"))
          .digest(token.getBytes(UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }
}
