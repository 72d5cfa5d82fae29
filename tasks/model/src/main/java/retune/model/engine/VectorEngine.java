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
import retune.model.engine.Network.Trees;

/**
 * The forward pass in float32 with the JDK's Vector API, for several rows at once on several
 * threads. The result of a row does not depend on other rows, bit for bit. Needs the module {@code
 * jdk.incubator.vector} and the optimising compiler; see {@link Engines}.
 */
public final class VectorEngine implements Engine {
  private static final int AVX2_WIDTH = 8;

  private final Network network;
  private final int classes;
  private final Workers workers;
  private final Scratch<Kernel> encoders;
  private final Scratch<DenseKernel> heads;

  /** A pool of scratch memory, which grows to one piece per thread that works at the same time. */
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
   * Whether the processor has a fused multiply-add; without it, Java computes each in software.
   * Processors of Intel and AMD have it from AVX2 on, and so have all others for which Java has
   * vectors.
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
      case Trees trees -> {
        TreesKernel.Packed packed = new TreesKernel.Packed(trees);
        yield () -> new TreesKernel(packed);
      }
    };
  }

  private static List<PackedLinear> pack(Head head) {
    return List.of(PackedLinear.of(head.hidden()), PackedLinear.of(head.output()));
  }

  /** Copies rows of {@code size} numbers into {@code [size][BLOCK]}. */
  private static void transpose(float[] rows, int at, int count, int size, float[] block) {
    for (int row = 0; row < count; row++) {
      for (int i = 0; i < size; i++) {
        block[i * BLOCK + row] = rows[at + row * size + i];
      }
    }
  }
}
