package retune.model;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.preprocessing.TfIdf;

/**
 * The shape of a network: an encoder from features to a vector, and a head {@code Linear → ReLU →
 * Dropout → Linear}, or {@code Linear} for texts, on it. Sizes that make no network are refused
 * with an {@link InvalidInputException}.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Architecture.TabTransformer.class, name = "tab_transformer"),
  @JsonSubTypes.Type(value = Architecture.Mlp.class, name = "mlp"),
  @JsonSubTypes.Type(value = Architecture.TorchScript.class, name = "torch_script"),
  @JsonSubTypes.Type(value = Architecture.Trees.class, name = "trees"),
  @JsonSubTypes.Type(value = Architecture.Text.class, name = "text")
})
public sealed interface Architecture {
  /** Greatest size of a layer. */
  int MAX_SIZE = 65_536;

  /** Length of the encoder's output. */
  int encodedSize();

  /** Hidden size of the head; 0 where the head is one linear layer. */
  int headHidden();

  /** Dropout: share of activations set to 0 in training, at least 0 and below 1. */
  double dropout();

  /**
   * One token per feature (embedding, or number × weight + bias), pre-norm transformer layers
   * without a final norm, mean over tokens.
   *
   * @param dimension d, divisible by heads
   */
  record TabTransformer(
      int dimension, int heads, int layers, int feedForward, int headHidden, double dropout)
      implements Architecture {
    /** The default sizes: d 32, 4 heads, 6 layers, feed-forward 64, head 128, dropout 0.3. */
    public static final TabTransformer DEFAULT = new TabTransformer(32, 4, 6, 64, 128, 0.3);

    public TabTransformer {
      requireSize("dimension", dimension);
      requireSize("heads", heads);
      requireSize("layers", layers);
      requireSize("feed_forward", feedForward);
      requireSize("head_hidden", headHidden);
      requireShare(dropout);
      if (dimension % heads != 0) {
        throw new InvalidInputException(
            "The architecture's dimension "
                + dimension
                + " is not divisible by its "
                + heads
                + " heads; choose a multiple of the heads.");
      }
    }

    @Override
    public int encodedSize() {
      return dimension;
    }
  }

  /**
   * Embeddings of the codes and the numbers, concatenated, through {@code Linear → ReLU → Dropout}
   * for each hidden size.
   *
   * @param embedding length of each categorical feature's embedding
   * @param hidden sizes of the hidden layers, at least one
   */
  record Mlp(int embedding, List<Integer> hidden, int headHidden, double dropout)
      implements Architecture {
    public Mlp {
      hidden = List.copyOf(hidden);
      if (hidden.isEmpty()) {
        throw new InvalidInputException(
            "The architecture has no hidden layer; give 'hidden' at least one size.");
      }
      requireSize("embedding", embedding);
      hidden.forEach(size -> requireSize("hidden", size));
      requireSize("head_hidden", headHidden);
      requireShare(dropout);
    }

    @Override
    public int encodedSize() {
      return hidden.getLast();
    }
  }

  /** An encoder that training does not change; {@link Weights#archive} holds it. */
  sealed interface Fixed extends Architecture {
    /** The same encoder under a head of another hidden size. */
    Fixed withHead(int hidden);
  }

  /**
   * A TorchScript archive of any network as the encoder. Only PyTorch can run it.
   *
   * @param method the archive's method that encodes
   * @param inputs the method's arguments, in order
   */
  record TorchScript(
      Method method, List<Argument> inputs, int encodedSize, int headHidden, double dropout)
      implements Fixed {
    /** The archive's method that is the encoder. */
    public enum Method {
      /** Gives vectors for a head, {@code float32 [rows, encodedSize]}. */
      @JsonProperty("encode")
      ENCODE,
      /** Gives logits, {@code float32 [rows, classes]}, which the head then corrects. */
      @JsonProperty("forward")
      FORWARD
    }

    /** An argument of the method. */
    public enum Argument {
      /** {@code int64 [rows, categorical features]}. */
      @JsonProperty("codes")
      CODES,
      /** {@code float32 [rows, numeric features]}. */
      @JsonProperty("numbers")
      NUMBERS
    }

    public TorchScript {
      inputs = List.copyOf(inputs);
      if (inputs.isEmpty() || new HashSet<>(inputs).size() != inputs.size()) {
        throw new InvalidInputException(
            "The architecture's inputs are "
                + inputs
                + "; give 'codes', 'numbers' or both in the order of the network's arguments.");
      }
      requireSize("encoded_size", encodedSize);
      requireSize("head_hidden", headHidden);
      requireShare(dropout);
    }

    @Override
    public TorchScript withHead(int hidden) {
      return new TorchScript(method, inputs, encodedSize, hidden, dropout);
    }
  }

  /**
   * Boosted trees as the encoder; its vector is their outputs. The head starts as the identity.
   *
   * @param inputs what the trees ask for, in their order
   * @param outputs 1 for two classes, otherwise the number of classes
   */
  record Trees(List<Input> inputs, int outputs, int headHidden, double dropout) implements Fixed {
    /**
     * A feature that the trees ask for.
     *
     * @param feature its name in the schema
     * @param missing the feature of two codes whose code 1 says that this one is missing; null if
     *     there is none
     * @param missingCode the code that stands for a missing value; null if there is none
     */
    public record Input(String feature, @Nullable String missing, @Nullable Integer missingCode) {}

    public Trees {
      inputs = List.copyOf(inputs);
      requireSize("inputs", inputs.size());
      requireSize("outputs", outputs);
      requireSize("head_hidden", headHidden);
      requireShare(dropout);
    }

    @Override
    public int encodedSize() {
      return outputs;
    }

    @Override
    public Trees withHead(int hidden) {
      return new Trees(inputs, outputs, hidden, dropout);
    }
  }

  /**
   * TF-IDF weights of a text's terms as the encoder, as {@link TfIdf} encodes them, and a linear
   * head. The encoder is fitted once; training changes the head.
   *
   * @param length greatest number of terms that are read of a text
   * @param terms size of the vocabulary
   */
  record Text(int length, int terms) implements Architecture {
    public Text {
      requireSize("length", length);
      requireSize("terms", terms);
    }

    @Override
    public int encodedSize() {
      return TfIdf.encodedSize(length);
    }

    @Override
    public int headHidden() {
      return 0;
    }

    @Override
    public double dropout() {
      return 0;
    }
  }

  private static void requireSize(String name, int size) {
    if (size < 1 || size > MAX_SIZE) {
      throw new InvalidInputException(
          "The architecture's "
              + name
              + " is "
              + size
              + "; it must be between 1 and "
              + MAX_SIZE
              + ".");
    }
  }

  private static void requireShare(double dropout) {
    if (!(dropout >= 0 && dropout < 1)) {
      throw new InvalidInputException(
          "The architecture's dropout is " + dropout + "; it must be at least 0 and below 1.");
    }
  }
}
