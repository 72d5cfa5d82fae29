package retune.learning.torch;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** TorchScript archives without parameters, from the text of their methods. */
public final class MadeScript {
  private static final String CLASS = "__torch__.Made";

  private MadeScript() {}

  /** A module's {@code forward(codes, numbers)} that ends with this expression. */
  public static void forward(Path file, String result) throws IOException {
    write(
        file,
        """
          def forward(self: __torch__.Made, codes: Tensor, numbers: Tensor) -> Tensor:
            return RESULT
        """
            .replace("RESULT", result));
  }

  public static void write(Path file, String methods) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      byte[] module =
          new Pickle()
              .emptyObject(CLASS)
              .beginItems()
              .text("training")
              .bool(true)
              .endItems()
              .setState()
              .end();
      put(zip, "data.pkl", module);
      String code =
          "class Made(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n";
      put(zip, "code/__torch__.py", (code + methods.indent(0)).getBytes(UTF_8));
      put(zip, "constants.pkl", new Pickle().emptyTuple().end());
      put(zip, "version", "3\n".getBytes(UTF_8));
    }
  }

  private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 checksum = new CRC32();
    checksum.update(content);
    ZipEntry entry = new ZipEntry("made/" + name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCrc(checksum.getValue());
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }
}
