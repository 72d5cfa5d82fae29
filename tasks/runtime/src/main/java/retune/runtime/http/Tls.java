package retune.runtime.http;

import com.sun.net.httpserver.HttpsConfigurator;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * TLS with a certificate and a key from PEM files. They are read again when they change, so that a
 * renewed certificate needs no restart; connections that are open keep the old one.
 */
public final class Tls {
  private static final Logger LOG = System.getLogger(Tls.class.getName());

  /** Handshakes look at most this often whether the files have changed. */
  static final Duration BETWEEN_LOOKS = Duration.ofMillis(200);

  /** The log says so when a certificate that is loaded ends within this time. */
  private static final Duration ENDS_SOON = Duration.ofDays(14);

  private final Path certificateFile;
  private final Path keyFile;
  private final Clock clock;
  private volatile Loaded now;
  private volatile @Nullable Loaded before;
  private List<FileStamp> stamps;
  private long lookedAt = System.nanoTime();

  /** A pair, and the alias by which a handshake finds it again. */
  private record Loaded(String alias, PemKeyPair pair) {}

  private Tls(Path certificateFile, Path keyFile, Clock clock) {
    this.certificateFile = certificateFile;
    this.keyFile = keyFile;
    this.clock = clock;
    stamps = stamps();
    now = new Loaded("1", PemKeyPair.read(certificateFile, keyFile));
    warnIfItEnds(now.pair);
  }

  /**
   * The TLS of a service.
   *
   * @param certificate path of a PEM file with the certificate and its chain; null for no TLS
   * @param key path of a PEM file with the certificate's private key; null for no TLS
   * @return null for no TLS
   * @throws InvalidInputException if only one is given, or the two cannot be used
   */
  public static @Nullable Tls of(@Nullable String certificate, @Nullable String key, Clock clock) {
    if (certificate == null && key == null) {
      return null;
    }
    if (certificate == null || key == null) {
      throw new InvalidInputException(
          "Of --tls-cert and --tls-key only one is given; give both, or none for HTTP.");
    }
    return new Tls(Path.of(certificate), Path.of(key), clock);
  }

  /** What the JDK's server takes: TLS 1.3 and 1.2, the JDK's ciphers. */
  HttpsConfigurator configurator() {
    try {
      SSLContext context = Objects.requireNonNull(SSLContext.getInstance("TLS"));
      context.init(new KeyManager[] {new CurrentKey()}, null, null);
      return new HttpsConfigurator(context);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  private List<FileStamp> stamps() {
    return List.of(FileStamp.of(certificateFile), FileStamp.of(keyFile));
  }

  /** What the files have now; the last good pair where they have none. */
  private synchronized Loaded current() {
    long time = System.nanoTime();
    if (time - lookedAt < BETWEEN_LOOKS.toNanos()) {
      return now;
    }
    lookedAt = time;
    try {
      List<FileStamp> there = stamps();
      if (!there.equals(stamps)) {
        stamps = there; // a pair that is wrong is said once
        PemKeyPair pair = PemKeyPair.read(certificateFile, keyFile);
        before = now;
        now = new Loaded(Integer.toString(Integer.parseInt(now.alias) + 1), pair);
        LOG.log(Level.INFO, "Read the certificate again: it is valid until {0}.", end(pair));
        warnIfItEnds(pair);
      }
    } catch (InvalidInputException e) {
      LOG.log(
          Level.WARNING,
          "The certificate is not replaced, and the one loaded before goes on: {0}",
          e.getMessage());
    }
    return now;
  }

  private void warnIfItEnds(PemKeyPair loaded) {
    if (end(loaded).isBefore(clock.instant().plus(ENDS_SOON))) {
      LOG.log(
          Level.WARNING,
          "The certificate ''{0}'' is valid until {1} only; replace the file.",
          certificateFile,
          end(loaded));
    }
  }

  private static Instant end(PemKeyPair loaded) {
    return loaded.chain().getFirst().getNotAfter().toInstant();
  }

  /**
   * Gives each handshake the current key. A handshake that began before a change keeps its own, so
   * that it does not get the certificate of one pair and the key of another.
   */
  private final class CurrentKey extends X509ExtendedKeyManager {
    @Override
    public @Nullable String chooseEngineServerAlias(
        String keyType, Principal @Nullable [] issuers, SSLEngine engine) {
      return alias(keyType);
    }

    @Override
    public @Nullable String chooseServerAlias(
        String keyType, Principal @Nullable [] issuers, Socket socket) {
      return alias(keyType);
    }

    private @Nullable String alias(String keyType) {
      Loaded loaded = current();
      String algorithm = loaded.pair.key().getAlgorithm();
      boolean fits =
          keyType.equals(algorithm)
              || (keyType.startsWith("EC") && algorithm.equals("EC"))
              || (keyType.startsWith("Ed") && algorithm.startsWith("Ed"));
      return fits ? loaded.alias : null;
    }

    private PemKeyPair named(String alias) {
      Loaded last = before;
      return last != null && last.alias.equals(alias) ? last.pair : now.pair;
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return named(alias).chain().toArray(X509Certificate[]::new);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return named(alias).key();
    }

    @Override
    public String[] getServerAliases(String keyType, Principal @Nullable [] issuers) {
      String alias = alias(keyType);
      return alias == null ? new String[0] : new String[] {alias};
    }

    @Override
    public String @Nullable [] getClientAliases(String keyType, Principal @Nullable [] issuers) {
      return null;
    }

    @Override
    public @Nullable String chooseClientAlias(
        String[] keyTypes, Principal @Nullable [] issuers, Socket socket) {
      return null;
    }
  }
}
