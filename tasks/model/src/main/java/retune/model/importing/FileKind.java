package retune.model.importing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/** The format of a file of weights, determined by its first bytes; its name is ignored. */
enum FileKind {
  /** The format of PyTorch 1.6 and later, for state dicts and TorchScript alike. */
  ZIP,
  SAFETENSORS;

  private static final int HEAD = 512;
  private static final int TAR_MAGIC_AT = 257;

  /** A pickle that begins with the number 0x1950a86a20f9469cfc6c (torch/serialization.py). */
  private static final String LEGACY_MAGIC =
      new String(HexFormat.of().parseHex("80028a0a6cfc9c46f9206aa85019"), ISO_8859_1);

  private static final String SAVE_AGAIN =
      "; load it with the PyTorch that made it and save its state_dict() with PyTorch 1.6 or later";

  /**
   * The format of a file.
   *
   * @throws RefusedException if it is another format, naming that if it is known
   */
  static FileKind of(Path file) throws IOException {
    String head;
    try (InputStream stream = Files.newInputStream(file)) {
      head = new String(stream.readNBytes(HEAD), ISO_8859_1);
    }
    if (head.startsWith("PK")) {
      return ZIP;
    }
    if (head.startsWith("{", Long.BYTES)) {
      return SAFETENSORS;
    }
    if (head.isEmpty()) {
      throw new RefusedException("is empty; give a file of weights");
    }
    if (head.startsWith(LEGACY_MAGIC)) {
      throw new RefusedException("has the format of PyTorch before 1.6" + SAVE_AGAIN);
    }
    if (head.startsWith("ustar", TAR_MAGIC_AT)) {
      throw new RefusedException("is a tar, the format of PyTorch before 0.2" + SAVE_AGAIN);
    }
    if (head.charAt(0) == 0x80) {
      throw new RefusedException(
          "is a bare pickle, which may run code; save the model's state_dict() with torch.save");
    }
    throw new RefusedException(
        "is neither a zip that torch.save wrote nor safetensors; give a .pth, .pt or"
            + " .safetensors file");
  }
}
