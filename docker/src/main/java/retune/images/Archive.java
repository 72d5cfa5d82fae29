package retune.images;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A file of several images that {@code docker load} and containerd read; it has each shared layer
 * once. The format is that of {@code docker save}, whose {@code manifest.json} is a list.
 */
final class Archive implements AutoCloseable {
  private static final String MANIFEST = "manifest.json";

  /** The registry of image names without one; Kubernetes looks images up by full name. */
  private static final String DEFAULT_REGISTRY = "docker.io/";

  private final TarArchiveOutputStream out;
  private final List<Map<String, Object>> manifest = new ArrayList<>();
  private final Set<String> layers = new HashSet<>();

  Archive(Path file) throws IOException {
    out = new TarArchiveOutputStream(new BufferedOutputStream(Files.newOutputStream(file)));
    out.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
  }

  /**
   * Adds an image under its version and as {@code latest}.
   *
   * @param file one image with its layers, as Jib writes it
   * @return the image's configuration
   */
  JsonNode add(Image image, String version, Path file) throws IOException {
    JsonNode described = JsonMapper.shared().readTree(entry(file, MANIFEST)).get(0);
    byte[] configuration = entry(file, described.get("Config").stringValue());
    String name = sha256(configuration) + ".json";
    put(name, configuration);
    List<String> names = new ArrayList<>();
    described.get("Layers").forEach(layer -> names.add(layer.stringValue()));
    copyLayers(file, new HashSet<>(names));
    String repository = DEFAULT_REGISTRY + image.name();
    manifest.add(
        Map.of(
            "Config",
            name,
            "RepoTags",
            List.of(repository + ":" + version, repository + ":latest"),
            "Layers",
            names));
    return JsonMapper.shared().readTree(configuration);
  }

  @Override
  public void close() throws IOException {
    put(MANIFEST, JsonMapper.shared().writeValueAsBytes(manifest));
    out.close();
  }

  private void copyLayers(Path file, Set<String> names) throws IOException {
    try (TarArchiveInputStream in = open(file)) {
      for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        if (names.contains(entry.getName()) && layers.add(entry.getName())) {
          begin(entry.getName(), entry.getSize());
          in.transferTo(out);
          out.closeArchiveEntry();
        }
      }
    }
  }

  private void put(String name, byte[] content) throws IOException {
    begin(name, content.length);
    out.write(content);
    out.closeArchiveEntry();
  }

  private void begin(String name, long size) throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(size);
    entry.setModTime(0L);
    out.putArchiveEntry(entry);
  }

  private static byte[] entry(Path file, String name) throws IOException {
    try (TarArchiveInputStream in = open(file)) {
      for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        if (entry.getName().equals(name)) {
          return in.readAllBytes();
        }
      }
    }
    throw new IOException(file + " has no " + name);
  }

  private static TarArchiveInputStream open(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file));
    return new TarArchiveInputStream(in, StandardCharsets.UTF_8.name());
  }

  private static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
