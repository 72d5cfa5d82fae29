package retune.model;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;

/**
 * A network's tensors by PyTorch's names, so that a state dict of this family can be imported as it
 * is. {@link WeightShapes} has the names and shapes of each architecture.
 *
 * <p>TabTransformer: {@code encoder.embeddings.N.weight} [cardinality, d], {@code
 * encoder.numeric_embeddings.N.weight} [d, 1] and {@code .bias} [d], {@code
 * encoder.transformer.layers.L.} with {@code self_attn.in_proj_weight} [3d, d], {@code
 * self_attn.in_proj_bias}, {@code self_attn.out_proj.weight|bias}, {@code
 * linear1|linear2.weight|bias}, {@code norm1|norm2.weight|bias}. Mlp: {@code
 * encoder.embeddings.N.weight}, {@code encoder.layers.L.weight|bias}. Head of both: {@code
 * fc.0.weight|bias}, {@code fc.3.weight|bias}; absent in a pre-trained encoder. Text: {@code
 * encoder.idf} [terms], head {@code fc.0.weight} [classes, terms] and {@code fc.0.bias}.
 *
 * @param archive the encoder where that is a file as a whole; null otherwise
 */
public record Weights(SortedMap<String, Tensor> tensors, @Nullable Archive archive) {
  private static final String ENCODER = "encoder.";

  /** Sorts between all names that begin with {@link #ENCODER} and every later name. */
  private static final String AFTER_ENCODER = "encoder/";

  public Weights {
    SortedMap<String, Tensor> copy = new TreeMap<>();
    copy.putAll(tensors);
    tensors = Collections.unmodifiableSortedMap(copy);
  }

  /** A file, byte for byte. */
  public record Archive(Form form, byte[] bytes) {}

  /** What an archive is. */
  public enum Form {
    /** A program, which PyTorch runs. */
    TORCH_SCRIPT("encoder.archive", "a TorchScript archive"),
    /** Boosted trees in XGBoost's UBJ, as {@link retune.model.trees.XgboostFile} writes them. */
    TREES("encoder.trees", "boosted trees");

    /** The archive's name in a file of weights. */
    final String tensor;

    final String words;

    Form(String tensor, String words) {
      this.tensor = tensor;
      this.words = words;
    }
  }

  /** Weights without an archive. */
  public Weights(SortedMap<String, Tensor> tensors) {
    this(tensors, null);
  }

  /** The tensor of that name; the architecture must have one. */
  public Tensor get(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor " + name);
    }
    return tensor;
  }

  /** SHA-256 over the archive and all tensors: names, shapes and bytes. */
  public String hash() {
    return hash(tensors);
  }

  /** SHA-256 over the archive and the tensors whose names begin with {@code encoder.}. */
  public String encoderHash() {
    return hash(tensors.subMap(ENCODER, AFTER_ENCODER));
  }

  /** Whether running the weights runs a program. */
  public boolean containsCode() {
    return archive != null && archive.form == Form.TORCH_SCRIPT;
  }

  public boolean hasHead() {
    return tensors.containsKey("fc.0.weight");
  }

  private String hash(SortedMap<String, Tensor> tensors) {
    MessageDigest digest = Hashing.sha256();
    if (archive != null) {
      digest.update((archive.form.tensor + '\0' + archive.bytes.length + '\0').getBytes(UTF_8));
      digest.update(archive.bytes);
    }
    tensors.forEach(
        (name, tensor) -> {
          digest.update((name + '\0' + Arrays.toString(tensor.shape()) + '\0').getBytes(UTF_8));
          digest.update(littleEndian(tensor.values()));
        });
    return HexFormat.of().formatHex(digest.digest());
  }

  private static byte[] littleEndian(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }
}
