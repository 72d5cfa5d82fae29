package retune.runtime.http;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import retune.core.InvalidInputException;

/**
 * A certificate with its chain, the service's own first, and the private key that belongs to it.
 * Keys may be PKCS #8, or the older forms of RSA (PKCS #1) and elliptic curves (SEC 1).
 */
record PemKeyPair(List<X509Certificate> chain, PrivateKey key) {
  private static final Pattern KEY =
      Pattern.compile(
          "-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----([^-]*)-----END \\1-----");

  private static final int SEQUENCE = 0x30;
  private static final int OCTET_STRING = 0x04;
  private static final byte[] VERSION_0 = {0x02, 0x01, 0x00};

  PemKeyPair {
    chain = List.copyOf(chain);
  }

  /**
   * Reads both files.
   *
   * @throws InvalidInputException if one cannot be read or is something else, or if the key is that
   *     of another certificate
   */
  static PemKeyPair read(Path certificateFile, Path keyFile) {
    List<X509Certificate> chain = chain(certificateFile);
    PrivateKey key = key(keyFile, chain.getFirst());
    if (!belongs(key, chain.getFirst().getPublicKey())) {
      throw new InvalidInputException(
          "The key '%s' is not that of the first certificate in '%s'; give the two files that were made together."
              .formatted(keyFile, certificateFile));
    }
    return new PemKeyPair(chain, key);
  }

  private static List<X509Certificate> chain(Path file) {
    List<X509Certificate> chain = new ArrayList<>();
    try {
      Collection<? extends Certificate> found =
          Objects.requireNonNull(CertificateFactory.getInstance("X.509"))
              .generateCertificates(new ByteArrayInputStream(bytes(file)));
      found.forEach(certificate -> chain.add((X509Certificate) certificate));
    } catch (CertificateException e) {
      throw new InvalidInputException(notPem(file), e);
    }
    if (chain.isEmpty()) {
      throw new InvalidInputException(notPem(file));
    }
    return chain;
  }

  private static String notPem(Path file) {
    return "'%s' has no certificate in PEM form; it begins with -----BEGIN CERTIFICATE-----."
        .formatted(file);
  }

  private static PrivateKey key(Path file, X509Certificate certificate) {
    Matcher pem = KEY.matcher(new String(bytes(file), StandardCharsets.ISO_8859_1));
    if (!pem.find()) {
      throw new InvalidInputException(
          "'%s' has no private key in PEM form; it begins with -----BEGIN PRIVATE KEY-----."
              .formatted(file));
    }
    if (pem.group(1).startsWith("ENCRYPTED")) {
      throw new InvalidInputException(
          "The key '%s' is encrypted; decrypt it with openssl pkey -in '%s' -out KEY, and let only this service read the result."
              .formatted(file, file));
    }
    try {
      byte[] given = Base64.getMimeDecoder().decode(pem.group(2));
      byte[] pkcs8 =
          pem.group(1).equals("PRIVATE KEY")
              ? given
              : asPkcs8(given, algorithmIdentifier(certificate.getPublicKey()));
      return Objects.requireNonNull(
              KeyFactory.getInstance(certificate.getPublicKey().getAlgorithm()))
          .generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new InvalidInputException(
          "'%s' has no %s key that can be read; give the key that was made for the certificate, in PEM form."
              .formatted(file, certificate.getPublicKey().getAlgorithm()),
          e);
    }
  }

  /** RFC 5958: the older form within the newer one. */
  private static byte[] asPkcs8(byte[] key, byte[] algorithm) {
    return der(SEQUENCE, VERSION_0, algorithm, der(OCTET_STRING, key));
  }

  /** The first part of the public key's encoding, with its curve where it has one (RFC 5280). */
  private static byte[] algorithmIdentifier(PublicKey key) {
    byte[] encoded = key.getEncoded();
    int start = contentOf(encoded, 0);
    int content = contentOf(encoded, start);
    int length = encoded[start + 1]; // an identifier has less than 128 bytes
    return Arrays.copyOfRange(encoded, start, content + length);
  }

  /** Where the content of what begins at a place begins. */
  private static int contentOf(byte[] encoded, int start) {
    int first = encoded[start + 1] & 0xff;
    return start + 2 + (first < 0x80 ? 0 : first & 0x7f);
  }

  private static byte[] der(int tag, byte[]... parts) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    int length = content.size();
    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    whole.write(tag);
    if (length < 0x80) {
      whole.write(length);
    } else {
      int bytes = (Integer.SIZE - Integer.numberOfLeadingZeros(length) + 7) / 8;
      whole.write(0x80 | bytes);
      for (int i = bytes - 1; i >= 0; i--) {
        whole.write(length >> (8 * i));
      }
    }
    whole.writeBytes(content.toByteArray());
    return whole.toByteArray();
  }

  /** Whether what the key signs is what the certificate's public key verifies. */
  private static boolean belongs(PrivateKey key, PublicKey certified) {
    String algorithm =
        switch (certified.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> certified.getAlgorithm();
        };
    try {
      byte[] text = certified.getEncoded();
      Signature signature = Objects.requireNonNull(Signature.getInstance(algorithm));
      signature.initSign(key);
      signature.update(text);
      byte[] signed = signature.sign();
      signature.initVerify(certified);
      signature.update(text);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw FileStamp.unreadable(file, e);
    }
  }
}
