<?php // Without arguments: the extensions. With "load": those of standard input that load, with the settings of the image.
if (($argv[1] ?? '') === 'load') {
    while (($name = fgets(STDIN)) !== false) {
        $name = trim($name);
        if ($name !== '' && (extension_loaded($name) || @dl($name))) echo "$name\n";
    }
} else {
    $files = array_map(fn($file) => basename($file, '.so'), glob(ini_get('extension_dir') . '/*.so'));
    echo implode("\n", array_unique(array_merge(get_loaded_extensions(), $files))), "\n";
}
