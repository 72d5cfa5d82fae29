package retune.images;

import com.google.cloud.tools.jib.api.CacheDirectoryCreationException;
import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.ImageReference;
import com.google.cloud.tools.jib.api.InvalidImageReferenceException;
import com.google.cloud.tools.jib.api.Jib;
import com.google.cloud.tools.jib.api.JibContainer;
import com.google.cloud.tools.jib.api.JibContainerBuilder;
import com.google.cloud.tools.jib.api.RegistryException;
import com.google.cloud.tools.jib.api.RegistryImage;
import com.google.cloud.tools.jib.api.TarImage;
import com.google.cloud.tools.jib.frontend.CredentialRetrieverFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ExecutionException;

/** Builds images with Jib, without a daemon, and without a registry unless the base is in one. */
final class Builder {
  /** Not root; distroless images use the same number. */
  static final String USER = "65532:65532";

  private final Path stage;
  private final Optional<String> base;
  private final Labels labels;

  /**
   * @param stage the folder that docker/stage.sh made
   * @param base an image with a C library that replaces ours: the name of an image in a registry,
   *     {@code tar://FILE} or {@code docker://IMAGE}
   */
  Builder(Path stage, Optional<String> base, Labels labels) {
    this.stage = stage;
    this.base = base;
    this.labels = labels;
  }

  /** Writes one image to a file in the format of {@code docker save}. */
  JibContainer write(Image image, Path file) {
    return build(image, Containerizer.to(TarImage.at(file).named(reference(image, ""))));
  }

  /**
   * Pushes one image under its version and as {@code latest}, with the credentials of {@code docker
   * login}.
   *
   * @param registry host, optionally with a folder: {@code registry.example.com/team}
   */
  JibContainer push(Image image, String registry) {
    ImageReference target = reference(image, registry + "/");
    CredentialRetrieverFactory credentials =
        CredentialRetrieverFactory.forImage(target, event -> {});
    RegistryImage there =
        RegistryImage.named(target)
            .addCredentialRetriever(credentials.dockerConfig())
            .addCredentialRetriever(credentials.wellKnownCredentialHelpers());
    // Plain HTTP only for registries on this machine; Jib does not send credentials over it.
    boolean here = registry.startsWith("localhost") || registry.startsWith("127.0.0.1");
    return build(
        image,
        Containerizer.to(there).withAdditionalTag("latest").setAllowInsecureRegistries(here));
  }

  private JibContainer build(Image image, Containerizer target) {
    Path cache = stage.resolve("cache");
    try {
      JibContainerBuilder builder =
          base.isPresent() && image.family().isJava() ? Jib.from(base.get()) : Jib.fromScratch();
      return builder
          .setFileEntriesLayers(new Layers(stage).of(image.family(), base.isEmpty()))
          .setEntrypoint(image.start())
          .setEnvironment(image.environment(labels.revision()))
          .setUser(USER)
          .setCreationTime(Instant.EPOCH)
          .setLabels(labels.of(image, BillOfMaterials.of(stage, image.family()).licenses()))
          .containerize(
              target
                  .setBaseImageLayersCache(cache)
                  .setApplicationLayersCache(cache)
                  .setToolName("retune"));
    } catch (InvalidImageReferenceException e) {
      throw new CannotBuildException(
          "The base '%s' is not an image. Give the name of an image in a registry, tar://FILE or docker://IMAGE."
              .formatted(base.orElse("")),
          e);
    } catch (ExecutionException e) {
      throw new CannotBuildException(
          "Cannot build %s: %s".formatted(image.name(), e.getCause()), e);
    } catch (IOException | RegistryException | CacheDirectoryCreationException e) {
      throw new CannotBuildException("Cannot build %s: %s".formatted(image.name(), e), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CannotBuildException("Interrupted while building " + image.name() + ".", e);
    }
  }

  private ImageReference reference(Image image, String prefix) {
    String name = prefix + image.name() + ":" + labels.version();
    try {
      return ImageReference.parse(name);
    } catch (InvalidImageReferenceException e) {
      throw new CannotBuildException(
          "'%s' is not a valid image name. Change the version or the registry.".formatted(name), e);
    }
  }
}
