package retune.runtime.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;

/** HTTPS of a service, with certificates that nobody else trusts. */
class TlsTest {
  @TempDir Path folder;

  @BeforeEach
  void copy() throws IOException {
    for (String file :
        List.of(
            "rsa.crt",
            "rsa.key",
            "rsa-pkcs1.key",
            "ec.crt",
            "ec.key",
            "ec-sec1.key",
            "ec-encrypted.key",
            "other.key",
            "ed25519.crt",
            "ed25519.key")) {
      try (InputStream kept = Objects.requireNonNull(TlsTest.class.getResourceAsStream(file))) {
        Files.copy(kept, folder.resolve(file));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "rsa.crt, rsa.key",
    "rsa.crt, rsa-pkcs1.key",
    "ec.crt, ec.key",
    "ec.crt, ec-sec1.key",
    "ed25519.crt, ed25519.key"
  })
  void aServiceAnswersOverHttps(String certificate, String key) throws Exception {
    try (HttpService service = serve(certificate, key);
        HttpClient client = trusting(certificate)) {
      assertTrue(service.address().startsWith("https://127.0.0.1:"), service.address());
      HttpResponse<String> answer = get(client, service.address());
      assertEquals("{\"path\":\"/\"}", answer.body());
      assertEquals("TLSv1.3", answer.sslSession().orElseThrow().getProtocol());
    }
  }

  @Test
  void whoeverDoesNotTrustTheCertificateGetsNothing() throws Exception {
    try (HttpService service = serve("rsa.crt", "rsa.key");
        HttpClient client = trusting("ec.crt")) {
      assertThrows(SSLException.class, () -> get(client, service.address()));
    }
  }

  @Test
  void aRenewedCertificateIsTakenWithoutARestart() throws Exception {
    Path certificate = Files.copy(folder.resolve("rsa.crt"), folder.resolve("tls.crt"));
    Path key = Files.copy(folder.resolve("rsa.key"), folder.resolve("tls.key"));
    try (HttpService service = serve("tls.crt", "tls.key")) {
      assertEquals("CN=rsa", answeredBy("rsa.crt", service));

      // Between the two, certificate and key do not belong together.
      Files.copy(folder.resolve("ec.crt"), certificate, StandardCopyOption.REPLACE_EXISTING);
      afterALook();
      assertEquals("CN=rsa", answeredBy("rsa.crt", service), "the last good pair goes on");

      Files.copy(folder.resolve("ec.key"), key, StandardCopyOption.REPLACE_EXISTING);
      afterALook();
      assertEquals("CN=ec", answeredBy("ec.crt", service));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "rsa.crt | ec.key | 'no RSA key that can be read'",
        "ec.crt | other.key | 'is not that of the first certificate'",
        "ec.crt | ec-encrypted.key | 'is encrypted; decrypt it with openssl pkey -in'",
        "ec.key | ec.key | 'has no certificate in PEM form'",
        "ec.crt | ec.crt | 'has no private key in PEM form'",
        "none.crt | ec.key | 'none.crt'' cannot be read; check that it exists'",
        "ec.crt | none.key | 'none.key'' cannot be read; check that it exists'",
      })
  void whatDoesNotServeIsOneSentenceAtTheStart(String certificate, String key, String sentence)
      throws Exception {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> tls(certificate, key));

    String said = String.valueOf(refused.getMessage());
    assertTrue(said.contains(sentence), said);
    assertEquals(1, said.lines().count(), said);
    assertTrue(!said.contains("MII") && !said.contains("MHc"), "no part of a key: " + said);
  }

  @Test
  void bothFilesAreNeededOrNone() throws Exception {
    assertNull(Tls.of(null, null, Clock.systemUTC()));
    for (InvalidInputException refused :
        List.of(
            assertThrows(InvalidInputException.class, () -> tls("ec.crt", null)),
            assertThrows(InvalidInputException.class, () -> tls(null, "ec.key")))) {
      assertEquals(
          "Of --tls-cert and --tls-key only one is given; give both, or none for HTTP.",
          refused.getMessage());
    }
  }

  private @Nullable Tls tls(@Nullable String certificate, @Nullable String key) {
    return Tls.of(path(certificate), path(key), Clock.systemUTC());
  }

  private @Nullable String path(@Nullable String file) {
    return file == null ? null : folder.resolve(file).toString();
  }

  private HttpService serve(String certificate, String key) throws IOException {
    Route route = Route.get("/", (_, _) -> Answer.json(Map.of("path", "/")));
    return HttpService.start(
        new Endpoint("127.0.0.1", 0, tls(certificate, key)),
        List.of(route),
        new HttpService.Around() {},
        Clock.systemUTC());
  }

  /** A new client, which makes a handshake of its own. */
  private HttpClient trusting(String certificate) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (InputStream in = Files.newInputStream(folder.resolve(certificate))) {
      store.setCertificateEntry(
          "service", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).sslContext(context).build();
  }

  private static HttpResponse<String> get(HttpClient client, String address) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(address + "/")).timeout(Duration.ofMinutes(1)).build();
    return client.send(request, BodyHandlers.ofString());
  }

  private String answeredBy(String trusted, HttpService service) throws Exception {
    try (HttpClient client = trusting(trusted)) {
      X509Certificate certificate =
          (X509Certificate)
              get(client, service.address()).sslSession().orElseThrow().getPeerCertificates()[0];
      return certificate.getSubjectX500Principal().getName();
    }
  }

  /** Lets the time pass within which the service does not look at the files again. */
  private static void afterALook() throws InterruptedException {
    Thread.sleep(Tls.BETWEEN_LOOKS.toMillis() + 50);
  }
}
