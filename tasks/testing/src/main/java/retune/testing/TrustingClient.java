package retune.testing;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Objects;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** HTTPS to a service of a test, and the certificate that only such a client trusts. */
public final class TrustingClient {
  private static final Path KEPT = Path.of("../runtime/src/test/resources/retune/runtime/http");

  public static final Path CERTIFICATE = KEPT.resolve("rsa.crt");
  public static final Path KEY = KEPT.resolve("rsa.key");

  private TrustingClient() {}

  /** A client that trusts {@link #CERTIFICATE}, and nothing else. */
  public static HttpClient open() throws IOException, GeneralSecurityException {
    KeyStore store = Objects.requireNonNull(KeyStore.getInstance("PKCS12"));
    store.load(null, null);
    try (InputStream in = Files.newInputStream(CERTIFICATE)) {
      store.setCertificateEntry(
          "service",
          Objects.requireNonNull(CertificateFactory.getInstance("X.509")).generateCertificate(in));
    }
    TrustManagerFactory trust =
        Objects.requireNonNull(
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm()));
    trust.init(store);
    SSLContext context = Objects.requireNonNull(SSLContext.getInstance("TLS"));
    context.init(null, trust.getTrustManagers(), null);
    return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).sslContext(context).build();
  }
}
