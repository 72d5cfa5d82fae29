package retune.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Builds files of images from a tiny stage, without a daemon or a registry. */
class MainTest {
  private static final String CATALOGUE =
      """
      {"steps": {
        "build": {"family": "light", "pipeline": "authoring", "has_image": false, "keeps_books": false, "runs_model": false, "summary": "Builds."},
        "evaluate_model":
          {"family": "light", "pipeline": "evaluation", "has_image": true, "keeps_books": false, "runs_model": true, "summary": "Measures a model."},
        "load_model":
          {"family": "light", "pipeline": "deployment", "has_image": true, "keeps_books": true, "runs_model": false, "summary": "Loads a model."},
        "train_model":
          {"family": "learning", "pipeline": "authoring", "has_image": true, "keeps_books": false, "runs_model": false, "summary": "Trains a model."}}}
      """;
  private static final String PACKAGES =
      """
      base libc6 2.36-9 LGPL-2.1-or-later
      java openjdk 25.0.3 GPL-2.0-only WITH Classpath-exception-2.0
      torch libgcc-s1 12.2 GPL-3.0-or-later WITH GCC-exception-3.1
      sidecar busybox-static 1.35 GPL-2.0-only
      """;

  @TempDir Path folder;

  @BeforeEach
  void makeStage() throws IOException {
    for (String file :
        List.of(
            "base/lib/libc.so.6",
            "java/opt/java/bin/java",
            "torch/opt/torch/libtorch.so",
            "light/opt/retune/retune.jar",
            "light/opt/retune/lib/library.jar",
            "learning/opt/retune/retune.jar",
            "learning/opt/retune/lib/library.jar",
            "store/opt/retune/store.jar",
            "sidecar/bin/sh")) {
      write("stage/" + file, file);
    }
    write("catalogue.json", CATALOGUE);
    write("stage/packages.txt", PACKAGES);
    assertTrue(folder.resolve("stage/java/opt/java/bin/java").toFile().setExecutable(true));
  }

  @Test
  void eachStepHasAnImageAndEachFamilyStoresItsLayersOnce() throws IOException {
    assertEquals("", build("tars"));

    Map<String, byte[]> light = entries("tars/retune-light.tar");
    JsonNode manifest = json(light, "manifest.json");
    assertEquals(
        List.of(
            "docker.io/retune/evaluate-model:7", "docker.io/retune/evaluate-model:latest",
            "docker.io/retune/load-model:7", "docker.io/retune/load-model:latest"),
        texts(manifest.findValues("RepoTags")));
    assertEquals(manifest.at("/0/Layers"), manifest.at("/1/Layers"));
    assertEquals(4, manifest.at("/0/Layers").size(), "base, Java, libraries, Retune");
    assertEquals(4 + 2 + 1, light.size(), "layers, configurations, manifest");

    JsonNode learning = json(entries("tars/retune-learning.tar"), "manifest.json");
    assertEquals(
        texts(List.of(manifest.at("/0/Layers"))).subList(0, 2),
        texts(List.of(learning.at("/0/Layers"))).subList(0, 2),
        "both families lie on one base and one Java");
    assertEquals(
        List.of(
            "docker.io/retune/evaluate-model-pytorch:7",
                "docker.io/retune/evaluate-model-pytorch:latest",
            "docker.io/retune/train-model:7", "docker.io/retune/train-model:latest"),
        texts(learning.findValues("RepoTags")),
        "what runs a model has an image with PyTorch for foreign networks");
  }

  @Test
  void anImageStartsItsStepAsAnUnprivilegedUserAndIsLabelled() throws IOException {
    build("tars");

    Map<String, byte[]> light = entries("tars/retune-light.tar");
    JsonNode image = json(light, json(light, "manifest.json").at("/0/Config").stringValue());
    JsonNode config = image.get("config");
    assertEquals("65532:65532", config.get("User").stringValue());
    assertEquals(
        "[\"/opt/java/bin/java\",\"@/opt/retune/java.options\",\"retune.runtime.Main\",\"evaluate_model\"]",
        config.get("Entrypoint").toString());
    assertTrue(
        config
            .get("Env")
            .valueStream()
            .anyMatch(it -> it.stringValue().equals("RETUNE_CODE_REVISION=0123abc")));
    assertEquals("amd64", image.get("architecture").stringValue());
    Map<String, String> labels = new TreeMap<>();
    config
        .get("Labels")
        .properties()
        .forEach(
            l ->
                labels.put(
                    l.getKey().replace("org.opencontainers.image.", ""),
                    l.getValue().stringValue()));
    assertEquals(
        Map.of(
            "title", "retune/evaluate-model",
            "description", "Measures a model.",
            "version", "7",
            "revision", "0123abc",
            "source", "https://example.org/retune.git",
            "licenses", "GPL-2.0-only WITH Classpath-exception-2.0 AND LGPL-2.1-or-later"),
        labels);
  }

  @Test
  void twoBuildsOfAStageAreIdentical() throws IOException {
    build("first");
    try (Stream<Path> cache = Files.walk(folder.resolve("stage/cache"))) {
      for (Path file : cache.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
    build("second");

    for (String file : List.of("light", "learning", "store", "sidecar")) {
      assertArrayEquals(
          Files.readAllBytes(folder.resolve("first/retune-%s.tar".formatted(file))),
          Files.readAllBytes(folder.resolve("second/retune-%s.tar".formatted(file))));
    }
  }

  @Test
  void aForeignBaseReplacesOursAndMustBeForThisArchitecture() throws IOException {
    Path base = baseImage("amd64");
    assertEquals("", build("tars", "--base", "tar://" + base));
    JsonNode manifest = json(entries("tars/retune-light.tar"), "manifest.json");
    assertEquals(3, manifest.at("/0/Layers").size(), "Java, libraries, Retune on an empty base");

    assertEquals(
        "The base image is for 'arm64', but Retune's Java and PyTorch are for 'amd64'. Give a base for linux/amd64.",
        build("tars", "--base", "tar://" + baseImage("arm64")));
  }

  @Test
  void whatIsMissingIsNamed() throws IOException {
    assertEquals("'--tars' is not a flag with a value. See --help.", run("--tars"));
    assertEquals("--version is missing. See --help.", run("--stage", "s", "--catalogue", "c"));
    assertTrue(
        run("--stage", "s", "--catalogue", folder + "/none.json", "--version", "1")
            .endsWith("/none.json'. Run 'make catalogue'."));
    write("catalogue.json", CATALOGUE.replace("learning", "quantum"));
    assertEquals(
        "Step train_model has the family 'quantum', which is not in retune.images.Family.",
        build("tars"));
  }

  @Test
  void withoutADaemonTheMessageSuggestsFiles() throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-cp",
                System.getProperty("java.class.path"),
                "retune.images.Main",
                "--stage",
                folder.resolve("stage").toString(),
                "--catalogue",
                folder.resolve("catalogue.json").toString(),
                "--version",
                "7",
                "--load",
                "yes")
            .redirectErrorStream(true);
    builder.environment().put("DOCKER_HOST", "unix:///no/daemon/here.sock");
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    assertEquals(50, process.exitValue());
    assertTrue(said.contains("make images TARS=folder"), said);
  }

  private String build(String tars, String... more) throws IOException {
    List<String> words =
        new ArrayList<>(
            List.of(
                "--stage",
                folder.resolve("stage").toString(),
                "--catalogue",
                folder.resolve("catalogue.json").toString(),
                "--version",
                "7",
                "--revision",
                "0123abc",
                "--source",
                "https://anna:hunter22@example.org/retune.git",
                "--tars",
                folder.resolve(tars).toString()));
    words.addAll(List.of(more));
    return run(words.toArray(String[]::new));
  }

  /** The text on standard error, empty on success. */
  private static String run(String... words) throws IOException {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream nowhere =
        new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    int code = Main.run(words, nowhere, new PrintStream(err, true, StandardCharsets.UTF_8));
    String said = err.toString(StandardCharsets.UTF_8).strip();
    assertEquals(said.isEmpty() ? 0 : 50, code);
    return said;
  }

  /** An image without layers, as docker save writes it. */
  private Path baseImage(String architecture) throws IOException {
    String config =
        "{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"history\":[]}"
            .formatted(architecture);
    Path file = folder.resolve(architecture + ".tar");
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(Files.newOutputStream(file))) {
      put(tar, "config.json", config);
      put(tar, "manifest.json", "[{\"Config\":\"config.json\",\"RepoTags\":[],\"Layers\":[]}]");
    }
    return file;
  }

  private static void put(TarArchiveOutputStream tar, String name, String text) throws IOException {
    byte[] content = text.getBytes(StandardCharsets.UTF_8);
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(content.length);
    tar.putArchiveEntry(entry);
    tar.write(content);
    tar.closeArchiveEntry();
  }

  private Map<String, byte[]> entries(String file) throws IOException {
    Map<String, byte[]> entries = new TreeMap<>();
    try (TarArchiveInputStream tar =
        new TarArchiveInputStream(Files.newInputStream(folder.resolve(file)))) {
      for (var entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        entries.put(entry.getName(), tar.readAllBytes());
      }
    }
    return entries;
  }

  private static JsonNode json(Map<String, byte[]> entries, String name) {
    return JsonMapper.shared().readTree(entries.getOrDefault(name, new byte[0]));
  }

  private static List<String> texts(List<JsonNode> lists) {
    List<String> texts = new ArrayList<>();
    lists.forEach(list -> list.forEach(text -> texts.add(text.stringValue())));
    return texts;
  }

  private void write(String file, String text) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }
}
