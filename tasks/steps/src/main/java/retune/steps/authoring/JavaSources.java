package retune.steps.authoring;

import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/** Compiles Java files against this process's class path. */
final class JavaSources {
  private static final String CLASS_FILE = ".class";

  private JavaSources() {}

  /**
   * Returns the class files by their path in a jar.
   *
   * @throws InvalidInputException with the first error and its line, if a file does not compile
   */
  static SortedMap<String, byte[]> compile(List<Path> sources, List<Path> libraries)
      throws IOException {
    @Nullable JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    if (compiler == null) {
      throw new InvalidInputException(
          "This Java runtime has no compiler; run ./retune build_steps with a JDK.");
    }
    SortedMap<String, byte[]> classes = new TreeMap<>();
    if (sources.isEmpty()) {
      return classes; // the compiler reports an error without sources
    }
    DiagnosticCollector<JavaFileObject> messages = new DiagnosticCollector<>();
    Path target = Files.createTempDirectory("retune-steps-");
    try (StandardJavaFileManager files =
        compiler.getStandardFileManager(messages, Locale.ROOT, StandardCharsets.UTF_8)) {
      List<String> options =
          List.of("-proc:none", "-d", target.toString(), "-cp", classPath(libraries));
      boolean compiled =
          compiler
              .getTask(
                  null, files, messages, options, null, files.getJavaFileObjectsFromPaths(sources))
              .call();
      if (!compiled) {
        throw refused(messages.getDiagnostics());
      }
      for (Path file : filesIn(target)) {
        if (Files.isRegularFile(file)) {
          String path = target.relativize(file).toString().replace(File.separatorChar, '/');
          classes.put(path, Files.readAllBytes(file));
        }
      }
      return classes;
    } finally {
      for (Path file : filesIn(target).reversed()) {
        Files.delete(file);
      }
    }
  }

  /** Loads the compiled classes without initializing them. */
  static List<Class<?>> load(SortedMap<String, byte[]> classes, List<Path> libraries) {
    Loader loader = new Loader(classes, libraries);
    List<Class<?>> loaded = new ArrayList<>();
    for (String path : classes.keySet()) {
      String name = path.substring(0, path.length() - CLASS_FILE.length()).replace('/', '.');
      try {
        loaded.add(Class.forName(name, false, loader));
      } catch (ClassNotFoundException | LinkageError e) {
        throw new InvalidInputException("The class " + name + " cannot be loaded: " + e + ".", e);
      }
    }
    return loaded;
  }

  private static String classPath(List<Path> libraries) {
    return Stream.concat(
            Stream.of(System.getProperty("java.class.path")),
            libraries.stream().map(Path::toString))
        .collect(Collectors.joining(File.pathSeparator));
  }

  /** The folder and everything in it, parents first. */
  private static List<Path> filesIn(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.sorted(Comparator.naturalOrder()).toList();
    }
  }

  private static InvalidInputException refused(
      List<Diagnostic<? extends JavaFileObject>> messages) {
    Diagnostic<? extends JavaFileObject> first =
        messages.stream()
            .filter(message -> message.getKind() == Diagnostic.Kind.ERROR)
            .findFirst()
            .orElseThrow();
    String where =
        first.getSource() == null
            ? "Your steps do"
            : "Line " + first.getLineNumber() + " of '" + first.getSource().getName() + "' does";
    String what =
        first.getMessage(Locale.ROOT).lines().map(String::strip).collect(Collectors.joining("; "));
    return new InvalidInputException(where + " not compile: " + what + ".");
  }

  /** Loads the compiled classes from memory, and others from the libraries and from Retune. */
  private static final class Loader extends URLClassLoader {
    private final SortedMap<String, byte[]> classes;

    Loader(SortedMap<String, byte[]> classes, List<Path> libraries) {
      super(
          libraries.stream().map(Loader::url).toArray(URL[]::new),
          JavaSources.class.getClassLoader());
      this.classes = classes;
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
      byte[] bytes = classes.get(name.replace('.', '/') + CLASS_FILE);
      return bytes == null ? super.findClass(name) : defineClass(name, bytes, 0, bytes.length);
    }

    private static URL url(Path file) {
      try {
        return file.toUri().toURL();
      } catch (MalformedURLException e) {
        throw new IllegalArgumentException(e); // a path always is an address
      }
    }
  }
}
