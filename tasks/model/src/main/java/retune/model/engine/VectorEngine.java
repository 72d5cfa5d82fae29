package retune.model.engine;

import static retune.model.engine.Matrices.BLOCK;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import retune.core.data.Features;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Network.Head;
import retune.model.engine.Network.Perceptron;
import retune.model.engine.Network.Transformer;

/**
 * The forward pass in float32 with the JDK's Vector API, several rows at once on several threads. A
 * row's result does not depend on the rows beside it, bit for bit. Needs the module {@code
 * jdk.incubator.vector} and the optimising compiler: see {@link Engines}.
 */
public final class VectorEngine implements Engine {
  private static final int AVX2_WIDTH = 8;

  private final Network network;
  private final int classes;
  private final Workers workers;
  private final Scratch<Kernel> encoders;
  private final Scratch<DenseKernel> heads;

  /** Memory of finished work, to be used again: as many pieces as threads were ever at work. */
  private record Scratch<T>(Queue<T> idle, Supplier<T> factory) {
    Scratch(Supplier<T> factory) {
      this(new ConcurrentLinkedQueue<>(), factory);
    }

    T take() {
      T scratch = idle.poll();
      return scratch == null ? factory.get() : scratch;
    }
  }

  public VectorEngine(ModelVersion version, Weights weights, int threads) {
    this.network = Network.of(version, weights);
    this.classes = version.target().classes().size();
    this.workers = new Workers(threads);
    this.encoders = new Scratch<>(kernels(network));
    List<PackedLinear> head = network.head().map(VectorEngine::pack).orElse(List.of());
    this.heads = new Scratch<>(() -> new DenseKernel(head, false));
  }

  /**
   * Whether the processor multiplies and adds in one instruction; where it does not, Java does each
   * in software. Intel's and AMD's do from AVX2 on, and all others that Java has vectors for.
   */
  static boolean suitsProcessor() {
    return !System.getProperty("os.arch").equals("amd64") || Matrices.WIDTH >= AVX2_WIDTH;
  }

  @Override
  public String name() {
    return "vector";
  }

  @Override
  public float[] encode(Features features) {
    FeatureCheck.check(features, network.schema());
    float[] encoded = new float[features.rows() * network.encoder().encodedSize()];
    workers.split(
        features.rows(),
        (from, to) -> {
          Kernel kernel = encoders.take();
          kernel.encode(features, from, to, encoded);
          encoders.idle.add(kernel);
        });
    return encoded;
  }

  @Override
  public float[] head(float[] encoded, int rows) {
    int size = network.requireHead().hidden().inputs();
    float[] logits = new float[rows * classes];
    workers.split(
        rows,
        (from, to) -> {
          DenseKernel kernel = heads.take();
          for (int first = from; first < to; first += BLOCK) {
            int count = Math.min(BLOCK, to - first);
            transpose(encoded, first * size, count, size, kernel.input());
            float[] output = kernel.run();
            for (int row = 0; row < count; row++) {
              for (int i = 0; i < classes; i++) {
                logits[(first + row) * classes + i] = output[i * BLOCK + row];
              }
            }
          }
          heads.idle.add(kernel);
        });
    return logits;
  }

  @Override
  public void close() {
    workers.close();
  }

  private static Supplier<Kernel> kernels(Network network) {
    return switch (network.encoder()) {
      case Transformer transformer -> {
        TransformerKernel.Packed packed = new TransformerKernel.Packed(transformer);
        yield () -> new TransformerKernel(packed, network.schema().size());
      }
      case Perceptron perceptron -> {
        List<PackedLinear> layers = perceptron.layers().stream().map(PackedLinear::of).toList();
        yield () -> new PerceptronKernel(perceptron, layers);
      }
    };
  }

  private static List<PackedLinear> pack(Head head) {
    return List.of(PackedLinear.of(head.hidden()), PackedLinear.of(head.output()));
  }

  /** Rows of {@code size} numbers to {@code [size][BLOCK]}. */
  private static void transpose(float[] rows, int at, int count, int size, float[] block) {
    for (int row = 0; row < count; row++) {
      for (int i = 0; i < size; i++) {
        block[i * BLOCK + row] = rows[at + row * size + i];
      }
    }
  }
}
