<?php
// GET: a greeting. POST: what was sent comes back.
header('Content-Type: text/plain');
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    readfile('php://input');
} else {
    echo "PHP says hello to {$_SERVER['REQUEST_URI']}\n";
}
